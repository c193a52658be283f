/** The types of redlock 5.0.0-beta.2 are not among its `exports`; these are the ones that the tests use. */
declare module 'redlock' {
  export interface Lock {
    release(): Promise<unknown>;
    extend(duration: number): Promise<Lock>;
  }
  export default class Redlock {
    constructor(clients: Iterable<object>, settings?: { retryCount?: number });
    acquire(resources: string[], duration: number): Promise<Lock>;
    using<T>(resources: string[], duration: number, routine: () => Promise<T>): Promise<T>;
  }
}
