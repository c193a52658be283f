import { ClusterClient, keySlot } from 'keyslot';
import { registerTelemetry } from 'keyslot/telemetry';
import { LocalCluster } from 'keyslot/testing';
import { RecordedMetrics } from './metric-values.js';
import { RecordedSpans } from './recorded-spans.js';

it('a redirect is an event of the span, with both nodes, and counts for the node that gave it', async () => {
  const servers = await LocalCluster.start({ primaries: 3, replicasPerPrimary: 0 });
  const client = new ClusterClient({ nodes: servers.seeds });
  const spans = new RecordedSpans();
  const metrics = new RecordedMetrics();
  const telemetry = registerTelemetry({ tracerProvider: spans.provider, meterProvider: metrics.provider });
  try {
    await client.connect();
    telemetry.observe(client);
    const slot = keySlot('a');
    const from = client.topology.nodeForSlot(slot)!;
    const to = client.topology.primaries.find(({ name }) => name !== from.name)!;
    await servers.migrateSlots([slot], from.name, to.name);
    await client.get('a');
    const [span] = spans.named('GET');
    expect(span.events.map(({ name, attributes }) => ({ name, attributes }))).toEqual([
      {
        name: 'keyslot.redirect',
        attributes: {
          'keyslot.reason': 'MOVED',
          'keyslot.node': from.name,
          'keyslot.redirect.node': to.name,
        },
      },
    ]);
    expect(span.attributes).toMatchObject({ 'server.port': to.port, 'keyslot.attempts': 2 });
    const of = { 'keyslot.reason': 'MOVED', 'server.port': from.port };
    expect(await metrics.sum('keyslot.redirects', of)).toBe(1);
  } finally {
    await telemetry.shutdown();
    await client.close();
    await servers.stop();
  }
});
