// The circumstances of a test, as chosen, remembered and found out.
import type { Context, Mode, Network, Technology } from '../api/schema';
import { device } from './device';
import { detectedNetwork, onNetworkChange, seemsSlow, sparesData } from './network';
import { freshPosition, locate, mayLocate, type Located } from './position';
import { recall, recallOneOf, remember } from './preference';

export const TECHNOLOGIES = ['4g', '5g'] as const satisfies Technology[];
/** The modes a person may choose; the third is the reference, and takes its time. */
export const OFFERED = ['accurate', 'saver'] as const satisfies Mode[];
export type Offered = (typeof OFFERED)[number];
type Chosen<Word extends string> = Word | undefined;

const UNIT_MAX = 32;

class Circumstances {
  #detected = $state<Network | undefined>(detectedNetwork());
  #metered = $state(sparesData());
  #slow = $state(seemsSlow());
  #mode = $state<Chosen<Offered>>(recallOneOf('mode', OFFERED));
  #network = $state(recallOneOf('network', ['mobile', 'wifi', 'ethernet'] as const));
  #technology = $state<Chosen<Technology>>(recallOneOf('technology', TECHNOLOGIES));
  #operator = $state(recall('operator'));
  #unit = $state(recall('unit'));
  /** Raw: a proxy cannot be stored in the queue. */
  located = $state.raw<Located>({ at: 'off' });
  positionWanted = $state(recall('position') !== 'off');

  constructor() {
    onNetworkChange(() => {
      this.#detected = detectedNetwork();
      this.#metered = sparesData();
      this.#slow = seemsSlow();
    });
  }

  get mode(): Offered {
    return this.#mode ?? (this.#metered || this.#slow ? 'saver' : 'accurate');
  }

  /** The person has asked the browser to spare data; a test then costs little. */
  get metered(): boolean {
    return this.#metered;
  }

  chooseMode(mode: Offered): void {
    this.#mode = mode;
    remember('mode', mode);
  }

  get detected(): Network | undefined {
    return this.#detected;
  }

  get network(): Network | undefined {
    return this.#detected ?? this.#network;
  }

  chooseNetwork(network: Network): void {
    this.#network = network;
    remember('network', network);
  }

  get technology(): Chosen<Technology> {
    return this.#technology;
  }

  set technology(technology: Chosen<Technology>) {
    this.#technology = technology;
    remember('technology', technology);
  }

  get operator(): string | undefined {
    return this.#operator;
  }

  set operator(operator: string | undefined) {
    this.#operator = operator;
    remember('operator', operator);
  }

  get unit(): string | undefined {
    return this.#unit;
  }

  /** The unit's code comes in the link it spreads. */
  takeUnit(query: URLSearchParams): void {
    const code = query.get('unit')?.trim().slice(0, UNIT_MAX);
    if (!code) return;
    this.#unit = code;
    remember('unit', code);
  }

  wantPosition(wanted: boolean): void {
    this.positionWanted = wanted;
    remember('position', wanted ? 'on' : 'off');
    if (wanted) void this.findPosition();
    else this.located = { at: 'off' };
  }

  /** Looks at once where the browser need not ask; explains first where it must. */
  async prepare(): Promise<void> {
    if (!this.positionWanted) return;
    const permission = await mayLocate();
    if (permission === 'granted') await this.findPosition();
    if (permission === 'denied') this.located = { at: 'denied' };
  }

  async findPosition(): Promise<void> {
    if (this.located.at !== 'found') this.located = { at: 'searching' };
    const located = await locate();
    if (this.positionWanted) this.located = located;
  }

  describe(measured_at: string): Context {
    const position = this.positionWanted ? freshPosition(this.located, Date.now()) : undefined;
    const mobile = this.network === 'mobile';
    return {
      measured_at,
      ...(position && { position }),
      ...(this.network && { network: this.network }),
      ...(mobile && this.technology && { technology: this.technology }),
      ...(this.operator && { operator: this.operator }),
      device: device(),
      ...(this.unit && { unit: this.unit }),
      app: { name: 'web', version: __VERSION__ },
    };
  }
}

export const circumstances = new Circumstances();
