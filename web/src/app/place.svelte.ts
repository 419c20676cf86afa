// Where in the app we are: the address is the only state of navigation.
import { routeOf, type Route } from './route';

/** Paths the server answers itself, downloads above all. */
const SERVERS_OWN = /^\/(api|measure|healthz|sheets|opt-out)(\/|$)/;

class Place {
  #url = $state.raw(new URL(location.href));
  readonly #route = $derived(routeOf(this.#url));

  get route(): Route {
    return this.#route;
  }

  go(path: string): void {
    history.pushState(null, '', path);
    this.#url = new URL(location.href);
    scrollTo(0, 0);
  }

  /** Called once, by the app: plain links navigate without a new page. */
  listen(): void {
    addEventListener('popstate', () => (this.#url = new URL(location.href)));
    document.addEventListener('click', (event) => {
      const path = ownPath(event);
      if (path === undefined) return;
      event.preventDefault();
      this.go(path);
    });
  }
}

function ownPath(event: MouseEvent): string | undefined {
  const special = event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (special || event.defaultPrevented || link === null || link.hasAttribute('download')) {
    return undefined;
  }
  const url = new URL(link.href, location.href);
  if (url.origin !== location.origin || SERVERS_OWN.test(url.pathname)) return undefined;
  return url.pathname + url.search;
}

export const place = new Place();
