import { INDEX_LISTS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';

/**
 * Deletes the index and the unique values of a class in a partition, unless the list of rows has an entry. What is left
 * then belongs to rows that are gone. Returns `['OK']` or `['KEPT']`.
 */
export const CLEAR_LISTS_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the index (~ix), the unique values (~uq)
local rows = redis.call('ZRANGEBYLEX', KEYS[1], '[${INDEX_LISTS.rows}\0', '(${INDEX_LISTS.rows}\1', 'LIMIT', 0, 1)
if #rows > 0 then return { 'KEPT' } end
redis.call('UNLINK', KEYS[1], KEYS[2])
return { 'OK' }
`);
