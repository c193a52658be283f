/* Gives a program another clock: LD_PRELOAD this, with KEYSLOT_CLOCK as the path of a file. The file holds by how many
 * seconds the clock is off, as +10 or -10, and may change while the program runs. Monotonic clocks stay as they are.
 * It includes nothing and allocates nothing, so that tcc can compile it without headers, and allocators can ask for
 * the time while they begin. (libfaketime stops servers that use jemalloc.) */
struct moment {
  long seconds, fraction;
};
struct zone;

extern long syscall(long number, ...);
extern char *getenv(const char *name);
extern int open(const char *path, int flags, ...);
extern long read(int file, void *buffer, unsigned long size);
extern int close(int file);

#if defined(__x86_64__)
enum { CLOCK_GETTIME = 228 };
#elif defined(__aarch64__) || defined(__riscv)
enum { CLOCK_GETTIME = 113 };
#else
#error The number of the system call clock_gettime is not known for this machine
#endif

enum { REALTIME = 0, REALTIME_COARSE = 5, READ_AGAIN_AFTER_NS = 100000000 };

static long offset, read_in;

static long read_offset(void) {
  char text[32];
  const char *path = getenv("KEYSLOT_CLOCK");
  int file = path ? open(path, 0) : -1;
  long length, value = 0, i = 1;
  if (file < 0) return 0;
  length = read(file, text, sizeof text);
  close(file);
  if (length < 2) return offset; /* it is being written */
  for (; i < length && text[i] >= '0' && text[i] <= '9'; i++) value = value * 10 + (text[i] - '0');
  return text[0] == '-' ? -value : value;
}

int clock_gettime(int clock, struct moment *moment) {
  long part;
  int result = (int)syscall(CLOCK_GETTIME, clock, moment);
  if (result != 0 || (clock != REALTIME && clock != REALTIME_COARSE)) return result;
  part = moment->seconds * 10 + moment->fraction / READ_AGAIN_AFTER_NS;
  if (part != read_in) {
    read_in = part;
    offset = read_offset();
  }
  moment->seconds += offset;
  return 0;
}

int gettimeofday(struct moment *moment, struct zone *zone) {
  int result = clock_gettime(REALTIME, moment);
  moment->fraction /= 1000;
  return result;
}

long time(long *seconds) {
  struct moment moment;
  clock_gettime(REALTIME, &moment);
  if (seconds) *seconds = moment.seconds;
  return moment.seconds;
}
