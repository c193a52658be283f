import { GraphQLObjectType, GraphQLSchema, GraphQLString, graphql } from 'graphql';
import type { ArgumentsHost } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import * as keyslot from 'keyslot';
import type { ClusterError } from 'keyslot';
import { STATUS_BY_CODE, answerTo } from '../../lib/nest/filters/error-answers.js';

const late = (cause?: Error): ClusterError => new keyslot.DeadlineExceededError('GET', 50, { cause });

/** An error that a request may end with, and the status it is answered with; undefined for a defect. */
const ANSWERS: readonly (readonly [error: ClusterError, status: number | undefined])[] = [
  [new keyslot.EntityNotFoundError('Order', 'secret'), 404],
  [new keyslot.EntityExistsError('Order', 'secret'), 409],
  [new keyslot.VersionConflictError('Order', 'secret', 1, 2), 409],
  [new keyslot.UniqueViolationError('Order', 'number'), 409],
  [new keyslot.ConditionNotMetError('Order', 'secret'), 409],
  [new keyslot.TransactionConflictError(3), 409],
  [new keyslot.LockLostError('secret', 'it expired'), 409],
  [new keyslot.BackpressureError('secret:7000', 1, 1), 503],
  [new keyslot.LeaseTimeoutError('secret:7000', 1), 503],
  [new keyslot.LockTimeoutError('secret', 1), 503],
  [new keyslot.TopologyError('NO_NODE_REACHABLE', 'secret'), 503],
  [new keyslot.TopologyError('SLOTS_NOT_COVERED', 'secret'), 503],
  [new keyslot.ConnectionError('secret:7000', 'refused'), 503],
  [new keyslot.ClientClosedError(), 503],
  [new keyslot.IndexNotReadyError('Order', 'byDay'), 503],
  [new keyslot.ReplyError('LOADING Redis is loading the dataset in memory'), 503],
  [new keyslot.ReplyError('CLUSTERDOWN The cluster is down'), 503],
  // what a call that is retried until its deadline ends with
  [late(new keyslot.ReplyError('CLUSTERDOWN The cluster is down')), 503],
  [late(new keyslot.BackpressureError('secret:7000', 1, 1)), 503],
  [late(new keyslot.ReplyError('ERR secret')), 504],
  [late(), 504],
  [new keyslot.CommandAbortedError('GET'), 504],
  [new keyslot.DurabilityError(2, 1, 50), 504],
  [new keyslot.OutcomeUnknownError('INCR', 'secret'), 504],
  [new keyslot.ClientClosedError('unknown'), 504],
  [new keyslot.TopologyError('NOT_A_CLUSTER', 'secret'), undefined],
  [new keyslot.AuthenticationError('secret'), undefined],
  [new keyslot.CrossSlotError('MGET', new Map([[1, ['secret']]])), undefined],
  [new keyslot.InvalidArgumentError('secret', 'secret'), undefined],
  [new keyslot.ReplyError('WRONGTYPE secret'), undefined],
  // a script may give its errors any code
  [new keyslot.ReplyError('ENTITY_NOT_FOUND secret'), undefined],
];

it.each(ANSWERS)('%s results in the status %s', (error, status) => {
  const answer = answerTo(error);
  expect(answer?.statusCode).toBe(status);
  if (answer !== undefined) expect(answer.code).toBe(error.code);
  expect(JSON.stringify(answer ?? null)).not.toContain('secret');
});

it('every code in the table belongs to an error', () => {
  const codes = new Set(ANSWERS.map(([error]) => error.code));
  expect(Object.keys(STATUS_BY_CODE).filter((code) => !codes.has(code))).toEqual([]);
});

it('an unknown outcome and a deadline have different messages', () => {
  expect(answerTo(new keyslot.OutcomeUnknownError('INCR', 'x'))?.message).toMatch(/^It is unknown whether/);
  expect(answerTo(late())?.message).toBe('The request was not completed in time');
});

describe('options', () => {
  const filter = (options: object) => new keyslot.ClusterExceptionFilter(new HttpAdapterHost(), options);

  it('can map codes to other statuses', () => {
    expect(answerTo(new keyslot.InvalidArgumentError('x', 'x'), { INVALID_ARGUMENT: 400 })).toEqual({
      statusCode: 400,
      code: 'INVALID_ARGUMENT',
      message: 'Bad Request',
    });
    expect(answerTo(late(), { DEADLINE_EXCEEDED: 408 })?.statusCode).toBe(408);
  });

  it.each([
    [{ statusByCodes: {} }, 'Unknown option statusByCodes of ClusterExceptionFilter'],
    [{ statusByCode: { INVALID_ARGUMENT: 200 } }, 'statusByCode.INVALID_ARGUMENT must be an HTTP status'],
    [{ retryAfterSeconds: 0.5 }, '"retryAfterSeconds" must be a whole number of seconds, got 0.5'],
  ])('%j is rejected', (options, message) => {
    expect(() => filter(options)).toThrow(message);
    expect(() => filter(options)).toThrow(keyslot.InvalidArgumentError);
  });
});

it('the filter rejects a missing adapter host, and options in its place', () => {
  const create = (first: unknown) => () => new keyslot.ClusterExceptionFilter(first as HttpAdapterHost);
  expect(create(undefined)).toThrow(keyslot.InvalidArgumentError);
  expect(create(undefined)).toThrow(
    /needs app.get\(HttpAdapterHost\) as its first argument, .* got undefined/,
  );
  expect(create({ retryAfterSeconds: 2 })).toThrow(/got an object/);
});

describe('hosts other than HTTP', () => {
  const filter = new keyslot.ClusterExceptionFilter(new HttpAdapterHost());
  const hostOf = (parts: object): ArgumentsHost => parts as ArgumentsHost;

  it('a native WebSocket receives the exception as text, and its own emit is not called', () => {
    const sent: unknown[] = [];
    const client = {
      readyState: 1,
      send: (text: string) => sent.push(JSON.parse(text)),
      emit: () => sent.push('emit'),
    };
    const socket = { getClient: () => client, getPattern: () => 'buy', getData: () => 7 };
    filter.catch(
      new keyslot.EntityNotFoundError('Order', 'secret'),
      hostOf({ getType: () => 'ws', switchToWs: () => socket }),
    );
    expect(sent).toEqual([
      {
        event: 'exception',
        data: {
          status: 'error',
          statusCode: 404,
          code: 'ENTITY_NOT_FOUND',
          message: 'Not found',
          cause: { pattern: 'buy', data: 7 },
        },
      },
    ]);
  });

  it('an unsupported host receives the error itself', () => {
    const error = new keyslot.TransactionConflictError(1);
    expect(() => filter.catch(error, hostOf({ getType: () => 'necord' }))).toThrow(error);
  });

  it('a GraphQL server receives an error with extensions', async () => {
    const error = new keyslot.VersionConflictError('Order', 'secret', 1, 2);
    const resolve = () => filter.catch(error, hostOf({ getType: () => 'graphql' }));
    const query = new GraphQLObjectType({
      name: 'Query',
      fields: { order: { type: GraphQLString, resolve } },
    });
    const { data, errors } = await graphql({ schema: new GraphQLSchema({ query }), source: '{ order }' });
    expect({ ...data }).toEqual({ order: null });
    expect(errors?.map(({ message, extensions }) => ({ message, extensions }))).toEqual([
      {
        message: 'The request conflicts with the current state of the resource',
        extensions: { code: 'VERSION_CONFLICT', statusCode: 409 },
      },
    ]);
  });
});
