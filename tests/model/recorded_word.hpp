// shm/word.h itself, with its atomic operations written down by the Recorder that runs the
// thread. So the orders that are checked are those that stand in that file, not a copy of them.
//
// Must be the first to include that file in its source file.
#pragma once

#ifdef RATEGATE_SHM_WORD_H
#error "shm/word.h was included before: its operations would not be recorded"
#endif

// What shm/*.h include, before the builtins mean something else.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tests/model/recorder.hpp"

namespace rategate::model {

template <typename T>
T recorded_load(const T* at, int order, const char* function) {
  return static_cast<T>(Recorder::running().load(at, static_cast<uint64_t>(*at), order, function));
}

template <typename T, typename V>
void recorded_store(T* at, V next, int order, const char* function) {
  Recorder::running().store(at, static_cast<uint64_t>(*at), static_cast<uint64_t>(next), order,
                            function);
}

template <typename T, typename V>
T recorded_exchange(T* at, V next, int order, const char* function) {
  return static_cast<T>(Recorder::running().exchange(at, static_cast<uint64_t>(*at),
                                                     static_cast<uint64_t>(next), order, function));
}

template <typename T, typename V>
bool recorded_swap(T* at, T* expected, V next, bool /*weak*/, int success, int failure,
                   const char* function) {
  const auto wanted = static_cast<uint64_t>(*expected);
  const uint64_t read =
      Recorder::running().swap(at, static_cast<uint64_t>(*at), wanted, static_cast<uint64_t>(next),
                               success, failure, function);
  *expected = static_cast<T>(read);
  return read == wanted;
}

inline void recorded_fence(int order, const char* function) {
  Recorder::running().fence(order, function);
}

}  // namespace rategate::model

// NOLINTBEGIN(bugprone-reserved-identifier): these names are what the header calls.
#define __atomic_load_n(at, order) ::rategate::model::recorded_load(at, order, __func__)
#define __atomic_store_n(at, next, order) \
  ::rategate::model::recorded_store(at, next, order, __func__)
#define __atomic_exchange_n(at, next, order) \
  ::rategate::model::recorded_exchange(at, next, order, __func__)
#define __atomic_compare_exchange_n(at, expected, next, weak, success, failure) \
  ::rategate::model::recorded_swap(at, expected, next, weak, success, failure, __func__)
#define __atomic_thread_fence(order) ::rategate::model::recorded_fence(order, __func__)

// What would pass by the recorder does not compile.
#define __atomic_load(...) the_model_does_not_know_this_operation
#define __atomic_store(...) the_model_does_not_know_this_operation
#define __atomic_exchange(...) the_model_does_not_know_this_operation
#define __atomic_compare_exchange(...) the_model_does_not_know_this_operation
#define __atomic_fetch_add(...) the_model_does_not_know_this_operation
#define __atomic_fetch_sub(...) the_model_does_not_know_this_operation
#define __atomic_fetch_and(...) the_model_does_not_know_this_operation
#define __atomic_fetch_or(...) the_model_does_not_know_this_operation
#define __atomic_fetch_xor(...) the_model_does_not_know_this_operation
#define __atomic_add_fetch(...) the_model_does_not_know_this_operation
#define __atomic_sub_fetch(...) the_model_does_not_know_this_operation
#define __atomic_and_fetch(...) the_model_does_not_know_this_operation
#define __atomic_or_fetch(...) the_model_does_not_know_this_operation
#define __atomic_xor_fetch(...) the_model_does_not_know_this_operation
#define __atomic_test_and_set(...) the_model_does_not_know_this_operation
#define __atomic_clear(...) the_model_does_not_know_this_operation
#define __sync_synchronize(...) the_model_does_not_know_this_operation
// NOLINTEND(bugprone-reserved-identifier)

#include "shm/identity.h"  // IWYU pragma: export
#include "shm/layout.h"    // IWYU pragma: export
#include "shm/word.h"      // IWYU pragma: export

// The trap above looks for this name: under another one it would catch nothing.
#ifndef RATEGATE_SHM_WORD_H
#error "shm/word.h has another include guard than the one that is looked for above"
#endif
