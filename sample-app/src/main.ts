import { createApplication } from './application.js';
import { serve } from './serve.js';

try {
  const application = await createApplication();
  await serve(application.enableShutdownHooks());
} catch (error) {
  console.error(`The application could not start: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
