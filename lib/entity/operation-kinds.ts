import type { RowOperation } from './row-operation.js';

/** Whether it sets when its row expires, and nothing else. */
export const isExpiry = ({ mode, increments, collected }: RowOperation): boolean =>
  mode === 'touch' && !increments && !collected;

/** Whether it writes nothing. */
export const isCheck = ({ mode, increments, collected }: RowOperation): boolean =>
  (mode === 'check' || mode === 'absent') && !increments && !collected;
