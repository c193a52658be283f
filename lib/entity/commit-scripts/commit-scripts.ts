import { COLLECTION_SCRIPT } from './collection-script.js';
import { COMMIT_SCRIPT } from './commit-script.js';
import { ROW_SCRIPT } from './row-script.js';
import { formsOf } from './script-forms.js';

// The writing scripts, each with its forms.
export const ROW_SCRIPTS = formsOf(ROW_SCRIPT);
export const COMMIT_SCRIPTS = formsOf(COMMIT_SCRIPT);
export const COLLECTION_SCRIPTS = formsOf(COLLECTION_SCRIPT);
