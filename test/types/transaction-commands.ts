import type { ClusterClient, PipelineResults } from 'keyslot';

/** What the function of a transaction may return. Held by the compiler; nothing here runs. */
export async function transactionCommands(cluster: ClusterClient): Promise<void> {
  const queued: PipelineResults = await cluster.transaction(['k'], async (tx) => {
    const value = Number(await tx.get('k'));
    return tx.multi().set('k', value + 1);
  });
  const chosen: PipelineResults | string | undefined = await cluster.transaction(['k'], async (tx) => {
    if ((await tx.exists('k')) === 0) return undefined;
    return (await tx.get('k')) === 'x' ? 'as it was' : tx.multi().del('k');
  });
  const plain: number = await cluster.transaction(['k'], async (tx) => tx.strlen('k'));
  const nothing: void = await cluster.transaction(['k'], async () => {});
  const anything: unknown = await cluster.transaction(['k'], async (): Promise<unknown> => plain);
  // oxlint-disable-next-line typescript/no-explicit-any -- what JSON.parse and others return
  await cluster.transaction(['k'], async (): Promise<any> => plain);
  await cluster.transaction(['k'], async () => {
    throw new Error('not today');
  });
  // @ts-expect-error -- commands of the client's own multi() would not be executed
  await cluster.transaction(['k'], async () => cluster.multi().set('k', 1));
  // @ts-expect-error -- nor would those of a pipeline
  await cluster.transaction(['k'], async () => cluster.pipeline().set('k', 1));
  // @ts-expect-error -- also where it is one of several results
  await cluster.transaction(['k'], async (tx) => ((await tx.get('k')) ? tx.multi() : cluster.multi()));
  void [queued, chosen, nothing, anything];
  // @ts-expect-error -- they are executed when the function returns them
  await cluster.transaction(['k'], async (tx) => tx.multi().del('k').exec());
}
