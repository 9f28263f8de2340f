#include "client/shared/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Whether the file has that size, and is sealed so that it keeps it. */
static bool is_of_size(int memfd, int64_t bytes) {
  struct stat file;
  const int seals = fcntl(memfd, F_GET_SEALS);
  return seals >= 0 && (seals & F_SEAL_SHRINK) != 0 && fstat(memfd, &file) == 0 &&
         file.st_size == bytes;
}

static bool is_a_segment(const struct rg_shm_header* header, int64_t bytes, uint64_t generation) {
  const uint32_t slots = header->slots;
  return header->magic == RG_SHM_MAGIC && header->layout_version == RG_SHM_LAYOUT_VERSION &&
         header->header_bytes == RG_SHM_HEADER_BYTES && header->generation == generation &&
         slots >= RG_SHM_MIN_SLOTS && slots <= RG_SHM_MAX_SLOTS && (slots & (slots - 1)) == 0 &&
         header->bytes == (uint64_t)bytes && rg_shm_bytes(slots) == (size_t)bytes &&
         header->probes >= 1 && header->probes <= RG_SHM_PROBES;
}

int rg_segment_map(int memfd, int64_t bytes, uint64_t generation, struct rg_segment** segment) {
  if (bytes < (int64_t)rg_shm_bytes(RG_SHM_MIN_SLOTS) ||
      bytes > (int64_t)rg_shm_bytes(RG_SHM_MAX_SLOTS) || !is_of_size(memfd, bytes)) {
    return -EPROTO;
  }
  struct rg_segment* fresh = calloc(1, sizeof *fresh);
  if (fresh == NULL) return -ENOMEM;
  fresh->bytes = (size_t)bytes;
  fresh->pages = mmap(NULL, fresh->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
  if (fresh->pages == MAP_FAILED) {
    const int rc = -errno;
    free(fresh);
    return rc;
  }
  /* The header is copied before it is looked at: another client may write there meanwhile. */
  struct rg_shm_header header;
  memcpy(&header, fresh->pages, sizeof header);
  if (!is_a_segment(&header, bytes, generation)) {
    rg_segment_free(fresh);
    return -EPROTO;
  }
  fresh->generation = generation;
  fresh->view.header = fresh->pages;
  /* The header is as large as some slots. */
  RG_STATIC_ASSERT(RG_SHM_HEADER_BYTES % sizeof(struct rg_slot) == 0, "slots follow the header");
  struct rg_slot* slots = fresh->pages;
  fresh->view.slots = slots + RG_SHM_HEADER_BYTES / sizeof(struct rg_slot);
  fresh->view.mask = header.slots - 1;
  fresh->view.probes = header.probes;
  memcpy(fresh->view.hash_seed, header.hash_seed, sizeof fresh->view.hash_seed);
  memcpy(fresh->view.digest_secret, header.digest_secret, sizeof fresh->view.digest_secret);
  *segment = fresh;
  return 0;
}

void rg_segment_blank(const struct rg_segment* segment) {
  const void* ignored = mmap(segment->pages, segment->bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  (void)ignored; /* a failure leaves the mapping as it was */
}

void rg_segment_free(struct rg_segment* segment) {
  while (segment != NULL) {
    struct rg_segment* older = segment->older;
    munmap(segment->pages, segment->bytes);
    free(segment);
    segment = older;
  }
}
