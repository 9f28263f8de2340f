/* Two clients, a daemon that may be killed, and the windows that go by, on one slot of the shared
 * segment: docs/model.md. Memory is sequentially consistent here; what C11 allows beyond that is
 * model_c11's part.
 *
 * One word is read, swapped, exchanged or stored in one step, as the processor does it. Between any
 * two such steps anything may happen: another process' steps, the end of a window, a kill. The two
 * parts of the identity are written and read one by one. */

#include "mistake.pml"
#define WINDOW_NOT_COMPARED MISTAKE(1)
#define IDENTITY_AFTER_SWAP MISTAKE(2)
#define SLOT_REUSED_TOO_EARLY MISTAKE(3)
#define ENDS_DO_NOT_GROW MISTAKE(4)
#define OLD_SEGMENT_ADOPTED MISTAKE(5)
#define EXHAUSTED_BY_COST MISTAKE(6)
#define VOID_LEFT_OUT MISTAKE(7)
#define PUBLISHED_UNRESERVED MISTAKE(8)
#define NO_SECOND_LOOK MISTAKE(9)
#define BOOK_FORGETS_ON_GIVE_BACK MISTAKE(10)

#define NOBODY 0
#define A 1
#define B 2
#ifndef LIMIT
#define LIMIT 2   /* permits of a pool in a window */
#endif
#ifndef LAST
#define LAST 3    /* windows are 1 to LAST; a window's number stands for its end as well */
#endif
#ifndef RESTARTS
#define RESTARTS 0  /* kills of the daemon */
#endif
#ifndef RELOADS
#define RELOADS 0   /* reloads that drop the limit whose slot it is */
#endif
#define AT(pool, window) (((pool) - 1) * LAST + (window) - 1)

typedef Word {
  byte end;
  byte permits;
  bit exhausted;
  /* Nobody can read what follows. For whom these permits were reserved, how many of them were
   * taken, and whether Redis had really nothing left. */
  byte pool;
  byte taken;
  bit used_up
};

typedef Slot {
  Word word[2];
  byte rule;
  byte key
};

Slot slot[2];        /* of the first daemon's segment, and of the next one's */
byte now = 1;        /* the window that is open */
byte counter[2 * LAST];  /* in Redis: permits reserved, by pool and window; 0 once it is over */

proctype clock() {
  do
  :: atomic { now < LAST -> counter[AT(A, now)] = 0; counter[AT(B, now)] = 0; now++ }
  :: now == LAST -> break
  od
}

/* ---- A client ------------------------------------------------------------------------------- */

#define MINE slot[seg].word[window % 2]
#define SAME (MINE.permits == seen_permits && MINE.exhausted == seen_exhausted && \
              (MINE.end == window || WINDOW_NOT_COMPARED))
/* The clock was read at some moment before, and now the word of that window is loaded. Where the
 * word is of another window it is a miss, and there is nothing more to see. */
#define LOAD(segment, parity) \
  atomic { slot[segment].word[parity].end > 0 && slot[segment].word[parity].end <= now -> \
    seg = segment; window = slot[segment].word[parity].end; \
    seen_permits = MINE.permits; seen_exhausted = MINE.exhausted }
/* A check that was decided by a permit, whoever's it was. */
#define ALLOWED \
  assert(got_pool == want); \
  assert(got_end == window)

/* It checks without end. A swap that is lost and tried again is a check of its own here. A client
 * that is killed is one that never does its next step: that is among the interleavings already. */
proctype client() {
  byte seg = 0, want = 0, window = 0, seen_permits = 0, got_pool = 0, got_end = 0;
  bit seen_exhausted = 0;

end_next:
  if  /* It may not know of a newer segment yet. */
  :: LOAD(0, 0)
  :: LOAD(0, 1)
  :: LOAD(1, 0)
  :: LOAD(1, 1)
  fi;
  /* It wants the pool whose rule it sees; who wants another has a miss. */
  if
  :: atomic { IDENTITY_AFTER_SWAP -> skip }
  :: atomic { else -> want = slot[seg].rule }
  fi;
  if
  :: atomic { IDENTITY_AFTER_SWAP -> skip }
  :: atomic { else ->
       if
       :: slot[seg].key != want || want == NOBODY -> goto over
       :: else
       fi
     }
  fi;
  if
  :: atomic { seen_permits > 0 && SAME ->
       got_pool = MINE.pool; got_end = MINE.end;
       MINE.permits--; MINE.taken++;
       if
       :: IDENTITY_AFTER_SWAP
       :: else -> ALLOWED; goto over
       fi
     }
  :: atomic { seen_permits > 0 && !SAME -> goto over }
  :: atomic { seen_permits == 0 && seen_exhausted && (SAME || NO_SECOND_LOOK) ->
       /* Denied: the pool's permits of this window are all taken, in Redis and here. */
       if
       :: IDENTITY_AFTER_SWAP
       :: else -> assert(MINE.used_up && MINE.pool == want && MINE.end == window)
       fi;
       goto over
     }
  :: atomic { seen_permits == 0 && !(seen_exhausted && (SAME || NO_SECOND_LOOK)) -> goto over }
  fi;
  /* Only that mistake comes here. */
  atomic { want = slot[seg].rule };
  atomic {
    if
    :: slot[seg].key == want && want != NOBODY -> ALLOWED
    :: else
    fi
  };
over:
  atomic {
    seg = 0; want = 0; window = 0; seen_permits = 0; seen_exhausted = 0; got_pool = 0; got_end = 0;
    goto end_next
  }
}

/* ---- The daemon ----------------------------------------------------------------------------- */

#define WORD(parity) slot[seg].word[parity]
#define VOID(parity) \
  WORD(parity).end = 0; WORD(parity).permits = 0; WORD(parity).exhausted = 0; \
  WORD(parity).pool = 0; WORD(parity).taken = 0; WORD(parity).used_up = 0
/* It has the slot, or can have it: both of its windows are over. */
#define MAY_OWN(whose) (owner == whose || SLOT_REUSED_TOO_EARLY || \
                        (last_end[0] < now && last_end[1] < now))
/* Who could not have the slot now asks later as well, for a window that is open then: only where
 * late answers count is that not the same. */
#define MAY_ASK(whose) (MAY_OWN(whose) || ENDS_DO_NOT_GROW)
/* A step, or a kill instead of it. */
#define OR_KILLED :: atomic { restarts > 0 -> goto killed } fi

proctype daemon() {
  byte seg = 0, restarts = RESTARTS, reloads = RELOADS;
  /* Its book: whose the slot is, the ends ever published, the ends that are now in the words. */
  byte owner = NOBODY, last_end[2], in_word[2];
  /* The reservation under way. */
  byte pool = 0, window = 0, granted = 0, today = 0, permits = 0;
  bit nothing_left = 0, exhausted = 0;
  byte reserved = 0;  /* what the counter was then */
  bit a_was_first = 0;  /* the pools are alike, so A comes first */

idle:
  atomic {
    pool = 0; window = 0; granted = 0; nothing_left = 0; today = 0; permits = 0; exhausted = 0;
    reserved = 0
  }
end_wait:
  if
  :: atomic { restarts > 0 -> goto killed }
  :: atomic { reloads > 0 && owner != NOBODY -> reloads--; goto give_back }
  :: atomic { MAY_ASK(A) -> pool = A; goto reserve }
  :: atomic { MAY_ASK(B) && a_was_first -> pool = B; goto reserve }
  fi;

reserve:
  atomic {
       /* For the window that is open or the next one, and how much. */
       if :: window = now :: now < LAST -> window = now + 1 fi;
       if
       :: granted = 1
       :: granted = 2
       :: LIMIT - counter[AT(pool, window)] < 2 && EXHAUSTED_BY_COST -> nothing_left = 1
       fi;
       /* Redis: never more than is left. */
       if
       :: granted > LIMIT - counter[AT(pool, window)] -> granted = LIMIT - counter[AT(pool, window)]
       :: else
       fi;
       if
       :: PUBLISHED_UNRESERVED
       :: else -> counter[AT(pool, window)] = counter[AT(pool, window)] + granted
       fi;
       if
       :: counter[AT(pool, window)] == LIMIT -> nothing_left = 1
       :: else
       fi;
       reserved = counter[AT(pool, window)];
       /* An answer that tells nothing new changes nothing. */
       if
       :: granted == 0 && !nothing_left -> goto idle
       :: else
       fi
  }

  /* The answer comes, some time later. What is late grants nothing. The clock is read once for all
   * that follows. */
  atomic {
    today = now;
    if
    :: window < today && !ENDS_DO_NOT_GROW -> goto idle
    :: else
    fi;
    a_was_first = 1;
    if
    :: owner == pool -> goto own
    :: owner != pool && !MAY_OWN(pool) -> goto idle
    :: else
    fi
  }

  /* The hand-over. */
  if :: atomic { !VOID_LEFT_OUT -> VOID(0) } :: atomic { VOID_LEFT_OUT -> skip } OR_KILLED;
  if :: atomic { !VOID_LEFT_OUT -> VOID(1) } :: atomic { VOID_LEFT_OUT -> skip } OR_KILLED;
  if :: slot[seg].rule = pool OR_KILLED;
  if :: atomic { slot[seg].key = pool; owner = pool; in_word[0] = 0; in_word[1] = 0 } OR_KILLED;

own:
  /* An older window gives up its word. */
  if
  :: atomic { in_word[window % 2] > window -> goto idle }
  :: atomic { in_word[window % 2] < window ->
       if
       :: in_word[window % 2] != 0 -> VOID(window % 2)
       :: else
       fi;
       in_word[window % 2] = window;
       if
       :: last_end[window % 2] < window -> last_end[window % 2] = window
       :: else
       fi
     }
  :: in_word[window % 2] == window
  OR_KILLED;
publish:
  if
  :: atomic { true ->
       permits = WORD(window % 2).permits; exhausted = WORD(window % 2).exhausted;
       today = WORD(window % 2).end
     }
  OR_KILLED;
  /* A void word is stored to, another one swapped. */
  if
  :: atomic { today == 0 || (WORD(window % 2).permits == permits && WORD(window % 2).end == today &&
                             WORD(window % 2).exhausted == exhausted) ->
       WORD(window % 2).end = window;
       WORD(window % 2).permits = permits + granted;
       WORD(window % 2).exhausted = nothing_left;
       WORD(window % 2).pool = pool;
       WORD(window % 2).used_up = (reserved == LIMIT);
       assert(WORD(window % 2).taken + WORD(window % 2).permits <= reserved);
       goto idle
     }
  :: atomic { else -> goto publish }
  OR_KILLED;

  /* A reload drops the limit: the slot is free, its ends stay in the book. */
give_back:
  atomic { VOID(0) };
  if
  :: atomic { true ->
       VOID(1); owner = NOBODY; in_word[0] = 0; in_word[1] = 0;
       if
       :: BOOK_FORGETS_ON_GIVE_BACK -> last_end[0] = 0; last_end[1] = 0
       :: else
       fi;
       goto idle
     }
  OR_KILLED;

  /* The next daemon has an empty book, and a segment of its own. */
killed:
  atomic {
    restarts--;
    owner = NOBODY; last_end[0] = 0; last_end[1] = 0; in_word[0] = 0; in_word[1] = 0;
    if
    :: OLD_SEGMENT_ADOPTED
    :: else -> seg = 1
    fi;
    goto idle
  }
}

init {
  atomic { run clock(); run daemon(); run client(); run client() }
}
