// Two shelves in IndexedDB: what waits to be sent, and this device's results.
import type { Remembered, Waiting } from './delivery';

export interface Shelf<Item> {
  put(item: Item): Promise<void>;
  remove(testId: string): Promise<void>;
  all(): Promise<Item[]>;
}

export interface Shelves {
  waiting: Shelf<Waiting>;
  remembered: Shelf<Remembered>;
}

const NAME = 'ispeed';
const VERSION = 1;
const STORES = ['waiting', 'remembered'] as const;

function settled<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('the request failed'));
  });
}

/** Resolves when the change is durable, not only accepted. */
function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('the transaction aborted'));
  });
}

function open(factory: IDBFactory): Promise<IDBDatabase> {
  const request = factory.open(NAME, VERSION);
  request.onupgradeneeded = () => {
    for (const store of STORES) request.result.createObjectStore(store, { keyPath: 'test_id' });
  };
  return settled(request);
}

function shelf<Item>(database: IDBDatabase, store: (typeof STORES)[number]): Shelf<Item> {
  const change = (apply: (objects: IDBObjectStore) => void): Promise<void> => {
    const transaction = database.transaction(store, 'readwrite', { durability: 'strict' });
    apply(transaction.objectStore(store));
    return committed(transaction);
  };
  return {
    put: (item) => change((objects) => objects.put(item)),
    remove: (testId) => change((objects) => objects.delete(testId)),
    all: () => settled(database.transaction(store).objectStore(store).getAll()),
  };
}

function memoryShelf<Item extends { test_id: string }>(): Shelf<Item> {
  const items = new Map<string, Item>();
  return {
    put: async (item) => void items.set(item.test_id, item),
    remove: async (testId) => void items.delete(testId),
    all: async () => [...items.values()],
  };
}

/** Where the browser forbids storage, a test still reaches the centre while the page lives. */
export async function openShelves(factory: IDBFactory | undefined): Promise<Shelves> {
  try {
    if (factory === undefined) throw new Error('no IndexedDB');
    const database = await open(factory);
    return { waiting: shelf(database, 'waiting'), remembered: shelf(database, 'remembered') };
  } catch {
    return { waiting: memoryShelf(), remembered: memoryShelf() };
  }
}
