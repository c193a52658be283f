// Runs the sample application as a child of start.mjs. It has no other end than its parent's: when the parent is
// gone, however that came about, it closes as it would on a signal.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref(); // the application alone decides how long it lives
await import('../sample-app/dist/main.js');
