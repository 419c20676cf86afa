// Whether this browser was signed in last: the session itself is in a cookie
// that no script reads, so this is a hint for what to show, and nothing more.
import { recall, remember } from '../../context/preference';

class Office {
  #signedIn = $state(recall('office') !== undefined);

  get signedIn(): boolean {
    return this.#signedIn;
  }

  entered(): void {
    this.#signedIn = true;
    remember('office', 'signed_in');
  }

  left(): void {
    this.#signedIn = false;
    remember('office', undefined);
  }
}

export const office = new Office();
