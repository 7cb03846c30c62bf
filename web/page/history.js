/** Conversations that this browser keeps, if its user wants that: in IndexedDB, nowhere else. */

const NAME = "live-interpreter";
const STORE = "conversations";

/**
 * @typedef {object} Kept
 * @property {number} startedAt Unix time in ms; its key.
 * @property {import("./conversation.js").Turn[]} turns
 */

/** The key of the record that is no conversation: whether they are kept. */
const CHOICE = 0;

/**
 * Whether conversations are kept. Where nobody has ever wanted that there is no database, and none is made.
 *
 * @returns {Promise<boolean>}
 */
export async function isKeeping() {
  const databases = (await indexedDB.databases?.()) ?? [];
  if (!databases.some(({ name }) => name === NAME)) return false;
  return (await transact("readonly", (store) => store.get(CHOICE)))?.isOn ?? false;
}

/**
 * Begin or cease to keep; what is kept stays.
 *
 * @param {boolean} isOn
 */
export async function setKeeping(isOn) {
  await transact("readwrite", (store) => store.put({ startedAt: CHOICE, isOn }));
  if (!isOn && !(await kept()).length) await remove();
}

/** @param {Kept} conversation */
export async function keep(conversation) {
  await transact("readwrite", (store) => store.put(conversation));
}

/** All of them, the latest first. @returns {Promise<Kept[]>} */
export async function kept() {
  const all = await transact("readonly", (store) => store.getAll(IDBKeyRange.lowerBound(CHOICE, true)));
  return all.sort((/** @type {Kept} */ a, /** @type {Kept} */ b) => b.startedAt - a.startedAt);
}

/** Delete all of them; whether further ones are kept stays as it is. */
export async function clearAll() {
  const isOn = await isKeeping();
  await remove();
  if (isOn) await setKeeping(true);
}

/** @returns {Promise<void>} */
async function remove() {
  await answered(indexedDB.deleteDatabase(NAME));
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
