// The language of the page: Vietnamese unless the person chose English.
import { recallOneOf, remember } from '../context/preference';
import type { Language } from '../unit';
import { en } from './en';
import { vi, type Catalogue } from './vi';

const CATALOGUES: Record<Language, Catalogue> = { vi, en };

class Interface {
  #language = $state<Language>(recallOneOf('language', ['vi', 'en'] as const) ?? 'vi');

  get language(): Language {
    return this.#language;
  }

  /** The texts in the language of the page. */
  get text(): Catalogue {
    return CATALOGUES[this.#language];
  }

  switch(): void {
    this.#language = this.#language === 'vi' ? 'en' : 'vi';
    remember('language', this.#language);
  }
}

export const i18n = new Interface();
