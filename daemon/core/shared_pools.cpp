#include "daemon/core/shared_pools.hpp"

#include <algorithm>
#include <new>

#include "daemon/limit/key_uses.hpp"

namespace rategate {
namespace {
// Clocks of a daemon and of its clients may be wrong by a second together.
constexpr std::int64_t kClocksApartMs = 1000;
}  // namespace

SharedWords shared_words_of(const LimitUse& use) {
  const Limit& limit = *use.limit;
  if (limit.algorithm->has_windows) return {RG_RULE_WINDOWS, limit.permits, limit.period_ms};
  const std::int64_t of_rules = use.by_key != nullptr ? use.by_key->longest_lease_ms() : 0;
  return {use.log.none() ? RG_RULE_BUCKET : RG_RULE_SLIDING_LOG, burst_of(limit),
          std::max(longest_lease_ms(use.slices), of_rules) + kClocksApartMs};
}

SharedPools::SharedPools(void* memory, std::uint32_t slots, const Secrets& secrets)
    : header_(new(memory) rg_shm_header{}),
      slots_(reinterpret_cast<rg_slot*>(static_cast<unsigned char*>(memory) + RG_SHM_HEADER_BYTES)),
      mask_(slots - 1),
      generation_(secrets.generation),
      hash_seed_(secrets.hash_seed),
      digest_secret_(secrets.digest_secret),
      book_((slots + kPage - 1) / kPage) {
  restore_header();
}

void SharedPools::restore_header() {
  header_->magic = RG_SHM_MAGIC;
  header_->layout_version = RG_SHM_LAYOUT_VERSION;
  header_->header_bytes = RG_SHM_HEADER_BYTES;
  header_->bytes = bytes();
  header_->slots = slots();
  header_->probes = RG_SHM_PROBES;
  header_->generation = generation_;
  std::copy(hash_seed_.begin(), hash_seed_.end(), header_->hash_seed);
  std::copy(digest_secret_.begin(), digest_secret_.end(), header_->digest_secret);
  rg_field_store(reinterpret_cast<std::int64_t*>(&header_->rules), rules_);
}

SharedPools::Entry& SharedPools::entry(SlotId slot) {
  auto& page = book_[slot.value / kPage];
  if (page == nullptr) page = std::make_unique<Page>();
  return (*page)[slot.value % kPage];
}

CounterId SharedPools::owner(SlotId id) const {
  if (id.value > mask_ || book_[id.value / kPage] == nullptr) return {};
  return (*book_[id.value / kPage])[id.value % kPage].owner;
}

SharedPools::Place SharedPools::place_of(const Whose& whose) const {
  rg_identity identity =
      rg_identity_of(whose.rule, whose.key.data(), whose.key.size(), digest_secret_.data());
  // Clients look for it by what they know: neither the clock nor the key's number.
  const auto home = static_cast<std::uint32_t>(rg_identity_hash(&identity, hash_seed_.data()));
  identity.rule = rg_rule_with_clock(whose.rule, whose.clock.value);
  identity.rule = rg_rule_with_number(identity.rule, whose.permits);
  return {identity, home};
}

SlotId SharedPools::take(const Whose& whose, std::int64_t over_ms, const Evict& evict) {
  const Place place = place_of(whose);
  // Free ones first: an owner that comes again in its next window should find its slot.
  for (const bool from_owners : {false, true}) {
    for (std::uint32_t probe = 0; probe < RG_SHM_PROBES; ++probe) {
      const SlotId at{(place.home + probe) & mask_};
      Entry& book = entry(at);
      if (book.owner.is_none() == from_owners) continue;
      if (std::max(book.last_end_ms[0], book.last_end_ms[1]) > over_ms) continue;
      if (!book.owner.is_none()) {
        evict(book.owner);
        --used_;
      }
      hand_over(at, place.identity);
      book.owner = whose.owner;
      book.spent[0] = book.spent[1] = 0;
      ++used_;
      return at;
    }
  }
  return {};
}

// The pool publishes after that.
void SharedPools::hand_over(SlotId id, const rg_identity& identity) {
  rg_slot& slot = this->slot(id);
  rg_word_void(&slot.word[0]);
  rg_word_void(&slot.word[1]);
  rg_identity_begin();
  rg_identity_store(&slot.identity.rule, identity.rule);
  for (int i = 0; i < 4; ++i) rg_identity_store(&slot.identity.key[i], identity.key[i]);
  rg_hint_store(&slot.low_water, 0);
  rg_hint_store(&slot.left, 0);
}

void SharedPools::give_back(SlotId slot) {
  hand_over(slot, rg_identity{});
  entry(slot).owner = {};
  --used_;
}

bool SharedPools::will_publish(SlotId slot, int parity, std::int64_t end_ms) {
  Entry& book = entry(slot);
  if (end_ms <= book.last_end_ms[parity]) return false;
  book.last_end_ms[parity] = end_ms;
  return true;
}

void SharedPools::note_spent(SlotId slot, int parity, std::int64_t permits) {
  std::int32_t& spent = entry(slot).spent[parity];
  spent = static_cast<std::int32_t>(std::min(spent + permits, RG_WORD_MAX_PERMITS));
}

void SharedPools::set_clock(ShardId shard, std::int64_t offset_us, std::int64_t error_us,
                            Mono measured, std::int64_t max_drift_ppm, Mono until) {
  rg_shm_clock record{};
  record.offset_ns = offset_us * 1000 + clients_behind_ns_;
  // A microsecond more: both stamps were cut to whole ones.
  record.error_ns = (error_us + 1) * 1000;
  record.measured_ns = clients_ns(measured);
  // age * drift >> 32 rounds down, so the factor is rounded up, and one nanosecond is within the
  // microsecond above.
  record.drift = (max_drift_ppm * (std::int64_t{1} << 32) + 999'999) / 1'000'000 + 1;
  record.until_ns = std::max<std::int64_t>(0, clients_ns(until));
  write_clock(shard, record);
}

void SharedPools::forget_clock(ShardId shard) { write_clock(shard, {}); }

void SharedPools::write_clock(ShardId shard, const rg_shm_clock& record) {
  rg_shm_clock& clock = header_->clock[shard.value];
  std::uint64_t& sequence = clock_sequences_[shard.value];
  const std::uint64_t next = rg_sequence_begin_write(&clock.sequence, sequence);
  rg_field_store(&clock.offset_ns, record.offset_ns);
  rg_field_store(&clock.error_ns, record.error_ns);
  rg_field_store(&clock.measured_ns, record.measured_ns);
  rg_field_store(&clock.drift, record.drift);
  rg_field_store(&clock.until_ns, record.until_ns);
  rg_sequence_end_write(&clock.sequence, next);
  sequence = next;
}

void SharedPools::rules_changed() {
  rg_field_store(reinterpret_cast<std::int64_t*>(&header_->rules), ++rules_);
}

}  // namespace rategate
