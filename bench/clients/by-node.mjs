import calculateSlot from 'cluster-key-slot';

/**
 * What a caller can do whose client has no pipeline over nodes: a pipeline for each, of the keys that the node has now.
 * A redirect is not followed.
 * @template Pipeline
 * @param {string[]} keys
 * @param {(slot: number) => unknown} nodeOf
 * @param {() => Pipeline} begin
 * @param {(pipeline: Pipeline) => Promise<string[]>} execute
 * @returns {Promise<string[]>} the values in the order of the keys
 */
export async function getByNode(keys, nodeOf, begin, execute) {
  const groups = new Map();
  for (let i = 0; i < keys.length; i++) {
    const node = nodeOf(calculateSlot(keys[i]));
    let group = groups.get(node);
    if (group === undefined) groups.set(node, (group = { pipeline: begin(), indexes: [] }));
    group.pipeline.get(keys[i]);
    group.indexes.push(i);
  }
  const values = Array.from({ length: keys.length });
  await Promise.all(
    [...groups.values()].map(async ({ pipeline, indexes }) => {
      const found = await execute(pipeline);
      for (let i = 0; i < found.length; i++) values[indexes[i]] = found[i];
    }),
  );
  return values;
}
