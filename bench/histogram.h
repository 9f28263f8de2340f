/* A histogram of times in ns with a relative error below 1/64, as HdrHistogram has it: recording is
 * two shifts and an increment, so that it may stand beside what takes nanoseconds itself.
 * Not thread-safe. C11 and C++20 alike. */
#ifndef RATEGATE_BENCH_HISTOGRAM_H
#define RATEGATE_BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

#define BENCH_SUB_BITS 6
#define BENCH_SUB_BUCKETS (1u << BENCH_SUB_BITS)
#define BENCH_BUCKETS (BENCH_SUB_BUCKETS * (64 - BENCH_SUB_BITS))

/* All bytes zero is an empty one. */
struct bench_histogram {
  uint64_t count;
  uint64_t max;
  uint64_t buckets[BENCH_BUCKETS];
};

static inline unsigned bench_bucket_of(uint64_t value) {
  if (value < BENCH_SUB_BUCKETS) return (unsigned)value;
  const unsigned shift = 63u - (unsigned)__builtin_clzll(value) - BENCH_SUB_BITS;
  return (shift << BENCH_SUB_BITS) + (unsigned)(value >> shift);
}

/* The largest value that falls into the bucket. */
static inline uint64_t bench_bucket_top(unsigned bucket) {
  if (bucket < 2 * BENCH_SUB_BUCKETS) return bucket;
  const unsigned shift = (bucket >> BENCH_SUB_BITS) - 1;
  const uint64_t sub = BENCH_SUB_BUCKETS + (bucket & (BENCH_SUB_BUCKETS - 1));
  return ((sub + 1) << shift) - 1;
}

static inline void bench_record(struct bench_histogram* h, uint64_t value) {
  h->count++;
  if (value > h->max) h->max = value;
  h->buckets[bench_bucket_of(value)]++;
}

/* The value that a share (0 to 1) of all recorded ones does not exceed; 0 of an empty one. */
static inline uint64_t bench_quantile(const struct bench_histogram* h, double share) {
  const uint64_t wanted = (uint64_t)(share * (double)h->count);
  uint64_t seen = 0;
  for (unsigned i = 0; i < BENCH_BUCKETS; i++) {
    seen += h->buckets[i];
    if (seen > wanted || (seen == h->count && seen > 0)) {
      const uint64_t top = bench_bucket_top(i);
      return top < h->max ? top : h->max;
    }
  }
  return 0;
}

/* Members of a JSON object: p50 to max in units of `unit_ns`, and the curve for the picture. */
static inline void bench_print_histogram(const struct bench_histogram* h, double unit_ns) {
  static const double shares[] = {0.5,   0.75,   0.9,    0.95,    0.99,    0.995,
                                  0.999, 0.9995, 0.9999, 0.99999, 0.999999};
  printf(
      "\"p50\": %.4f, \"p99\": %.4f, \"p999\": %.4f, \"p9999\": %.4f, \"max\": %.4f, \"curve\": [",
      (double)bench_quantile(h, 0.5) / unit_ns, (double)bench_quantile(h, 0.99) / unit_ns,
      (double)bench_quantile(h, 0.999) / unit_ns, (double)bench_quantile(h, 0.9999) / unit_ns,
      (double)h->max / unit_ns);
  const unsigned count = sizeof shares / sizeof shares[0];
  for (unsigned i = 0; i < count; i++) {
    printf("%s[%.6f, %.4f]", i == 0 ? "" : ", ", shares[i],
           (double)bench_quantile(h, shares[i]) / unit_ns);
  }
  printf("]");
}

#endif
