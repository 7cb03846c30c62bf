/** Conversations that this browser keeps, if its user wants that: in IndexedDB, nowhere else. */

const NAME = "live-interpreter";
const STORE = "conversations";

/**
 * @typedef {object} Kept
 * @property {number} startedAt Unix time in ms; its key.
 * @property {import("./conversation.js").Turn[]} turns
 */

/**
 * Whether conversations are kept: the user's choice is that there is a database.
 *
 * @returns {Promise<boolean>}
 */
export async function isKeeping() {
  const databases = (await indexedDB.databases?.()) ?? [];
  return databases.some(({ name }) => name === NAME);
}

/** @param {Kept} conversation */
export async function keep(conversation) {
  await transact("readwrite", (store) => store.put(conversation));
}

/** All of them, the latest first. @returns {Promise<Kept[]>} */
export async function kept() {
  const all = await transact("readonly", (store) => store.getAll());
  return all.sort((/** @type {Kept} */ a, /** @type {Kept} */ b) => b.startedAt - a.startedAt);
}

/** Begin to keep. */
export async function turnOn() {
  await transact("readonly", (store) => store.count());
}

/** Delete everything, the choice included. @returns {Promise<void>} */
export function forgetAll() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(NAME);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });
}

/**
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} ask
 * @returns {Promise<any>}
 */
async function transact(mode, ask) {
  const database = await open();
  try {
    return await answered(ask(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

/** @returns {Promise<IDBDatabase>} */
function open() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "startedAt" });
  return answered(request);
}

/** @param {IDBRequest} request @returns {Promise<any>} */
function answered(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
