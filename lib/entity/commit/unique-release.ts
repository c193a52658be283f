import { encodingField } from '../keys/stored-names.js';
import { CLEAR_SCRIPT } from '../commit-scripts/clear-script.js';
import { DISOWN_SCRIPT } from '../commit-scripts/disown-script.js';
import { uniqueKey } from '../keys/entity-key.js';
import type { RowOperation } from '../operations/row-operation.js';
import type { ScriptCall } from '../scripts/script-caller.js';

/** Returns the call that frees a unique value if its holder is gone, or is a row without the value. */
export function releaseCall(
  { schema, key }: RowOperation,
  entry: string,
  holder: 'gone' | 'kept',
): ScriptCall {
  const keys = [key.row, uniqueKey(schema, key.tag)];
  if (holder === 'gone') return { script: CLEAR_SCRIPT, keys, args: [key.idText, entry] };
  const [name, ...encodings] = entry.split('\0');
  const fields = schema.indexes.find((index) => index.name === name)?.fields ?? [];
  const notes = fields.flatMap((field, i) => [encodingField(field), encodings[i]]);
  return { script: DISOWN_SCRIPT, keys, args: [key.idText, entry, ...notes] };
}
