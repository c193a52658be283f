import { jest } from '@jest/globals';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { InvalidArgumentError } from 'keyslot';
import { ClusterTelemetryModule, registerTelemetry, type TelemetryOptions } from 'keyslot/telemetry';

const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
const said = (): string[] => warnings.mock.calls.map(([message]) => String(message));
beforeEach(() => warnings.mockClear());

const providers = () => ({ tracerProvider: new BasicTracerProvider(), meterProvider: new MeterProvider() });

it('telemetry that is registered twice says so once, and ends with the last registration', async () => {
  const given = providers();
  const first = registerTelemetry(given);
  const others = [registerTelemetry(given), registerTelemetry(given)];
  expect(said()).toEqual([expect.stringMatching(/^Telemetry is registered twice/)]);
  await first.shutdown();
  await Promise.all(others.map((other) => other.shutdown()));
  await registerTelemetry(given).shutdown();
  expect(said()).toHaveLength(1);
});

it('registrations with different providers are independent', async () => {
  const all = [registerTelemetry(providers()), registerTelemetry(providers())];
  await Promise.all(all.map((one) => one.shutdown()));
  expect(said()).toEqual([]);
});

it('an exporter that hangs or fails at shutdown does not delay the application, and is logged once', async () => {
  const hanging = { ...providers(), flushTimeoutMs: 20 };
  hanging.tracerProvider.forceFlush = () => new Promise<void>(() => undefined);
  const telemetry = registerTelemetry(hanging);
  await Promise.all([telemetry.shutdown(), telemetry.shutdown()]);
  await registerTelemetry(hanging).shutdown();
  expect(said()).toEqual([expect.stringMatching(/^An exporter has not answered within 20 ms/)]);

  const failing = providers();
  failing.meterProvider.forceFlush = () => Promise.reject(new Error('refused'));
  await registerTelemetry(failing).shutdown();
  const throwing = providers();
  throwing.meterProvider.forceFlush = () => {
    throw new Error('refused');
  };
  await registerTelemetry(throwing).shutdown();
  expect(said().slice(1)).toEqual([expect.stringMatching(/^An exporter failed: refused/)]);
});

it('without a wait, nothing is flushed', async () => {
  const given = providers();
  const flushed = jest.spyOn(given.tracerProvider, 'forceFlush');
  await registerTelemetry({ ...given, flushTimeoutMs: 0 }).shutdown();
  expect(flushed).not.toHaveBeenCalled();
});

it.each([
  [{ trace: true }, 'Unknown option trace of telemetry'],
  [{ traces: { requireParents: true } }, 'Unknown option requireParents of telemetry.traces'],
  [{ traces: { internal: 1 } }, '"internal" must be true or false, got 1'],
  [{ metrics: 'yes' }, '"metrics" must be true or false, got a string'],
  [{ flushTimeoutMs: -1 }, '"flushTimeoutMs" must be a number of milliseconds, got -1'],
  [{ tracerProvider: {} }, '"tracerProvider" must be a provider of OpenTelemetry, with getTracer()'],
  [{ traces: null }, 'traces'],
])('%j is rejected', (options, message) => {
  const given = options as TelemetryOptions;
  for (const register of [() => registerTelemetry(given), () => ClusterTelemetryModule.forRoot(given)]) {
    expect(register).toThrow(InvalidArgumentError);
    expect(register).toThrow(message);
  }
});

it('works without an SDK, as the API does nothing then', async () => {
  await expect(registerTelemetry().shutdown()).resolves.toBeUndefined();
  expect(said()).toEqual([]);
});
