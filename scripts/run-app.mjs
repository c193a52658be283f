// Runs a program of the sample application, by its name: `main`, or `demo-main` with a cluster of its own. It has no
// other end than its parent's: when the parent is gone, however that came about, it closes as it would on a signal.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref(); // the application alone decides how long it lives
await import(`../sample-app/dist/${process.argv[2]}.js`);
