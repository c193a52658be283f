export { entraIdCredentials, type EntraIdOptions, type EntraIdTokenSource } from './entra-id-credentials.js';
export { fileCredentials, type FileCredentialsOptions } from './file-credentials.js';
export {
  elastiCacheIamCredentials,
  memoryDbIamCredentials,
  type ElastiCacheIamOptions,
  type IamOptions,
  type MemoryDbIamOptions,
} from './iam-credentials.js';
export type { AwsCredentials } from './sigv4.js';
export { tokenCredentials, type IssuedCredentials } from './token-credentials.js';
