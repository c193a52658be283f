/** Removes the folder that run-folder.mjs made. */
export default () => globalThis.removeRunFolder();
