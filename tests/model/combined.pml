/* Clients that take from the words of two pools, and put back what does not suffice: docs/model.md.
 * Memory is sequentially consistent here; what C11 allows beyond that is model_c11's part.
 *
 * A word is loaded, swapped, exchanged or stored in one step, and the identity, which is one number
 * here, is read or written in one: its parts are the other models' matter. Between any two steps
 * anything may happen. One client is told step by step. `others` are further ones, each with all of
 * a swap in one step, as is asserted of the first. Windows are told as slices are: who has a window's
 * beginning to wait for does less than a client here may.
 *
 * A daemon's loop that swaps until it succeeds is one step: it changes the word from what it saw. */

#include "mistake.pml"
#define END_NOT_COMPARED MISTAKE(1)
#define CLEARED_IN_ITS_SLOT MISTAKE(2)
#define LEFT_SLOT_FORGETS_ENDS MISTAKE(3)
#define CAME_BACK_IS_FORGED MISTAKE(4)
#define SPENT_NOT_LOWERED MISTAKE(5)
#define SPENT_KEPT_FOR_NEXT_END MISTAKE(6)
#define NO_CLOCK_AFTER_TAKING MISTAKE(7)
#define PUT_BACK_BY_STORE MISTAKE(8)
#define SPENT_FORGOTTEN_IN_HAND MISTAKE(9)

#define NOBODY 0
#define A 1
#define B 2
#define NOWHERE 9
/* The size is chosen when the verifier starts:
 *   POOLS     1: nobody but A ever asks; 2
 *   SLOTS     1 to 3, and each pool may be in any of them
 *   JOINT     1: the other member of the client's check is the other pool, in this memory; 0: it is
 *             elsewhere, and may have too little, or not
 *   LAST      the clock goes from 1 to LAST
 *   LIMIT     permits that the store gives for an end
 *   CLEARS    how often a pool is emptied while its ends lie ahead, and given as much again
 *   FORGES    how often a word is found to be forged, and voided
 *   OTHERS    further clients, which are carriers of a permit each
 *   HANDS     0: the daemon takes nothing in hand
 *   IDENTITY  0: the identity is not compared before permits are put back */
c_decl {
  static int rg_pools, rg_slots, rg_joint, rg_last, rg_limit, rg_clears, rg_forges, rg_others,
      rg_hands, rg_identity;
  static int rg_number(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
  }
  __attribute__((constructor)) static void choose_size(void) {
    rg_pools = rg_number("POOLS", 2);
    rg_slots = rg_number("SLOTS", 2);
    rg_joint = rg_number("JOINT", 0);
    rg_last = rg_number("LAST", 3);
    rg_limit = rg_number("LIMIT", 1);
    rg_clears = rg_number("CLEARS", 0);
    rg_forges = rg_number("FORGES", 0);
    rg_others = rg_number("OTHERS", 1);
    rg_hands = rg_number("HANDS", 1);
    rg_identity = rg_number("IDENTITY", 1);
  }
};

#define POOLS c_expr { rg_pools }
#define SLOTS c_expr { rg_slots }
#define JOINT c_expr { rg_joint }
#define LAST c_expr { rg_last }
#define LIMIT c_expr { rg_limit }
#define CLEARS c_expr { rg_clears }
#define FORGES c_expr { rg_forges }
#define OTHERS c_expr { rg_others }
#define HANDS c_expr { rg_hands }
#define IDENTITY c_expr { rg_identity }

#define MOST_SLOTS 3
#define MOST_ENDS 6  /* of a pool; the last one is LAST + 1 */

typedef Word {
  byte end;
  byte permits;
  /* Nobody can read what follows: whose permits they are, after how many CLEARs of that pool they
   * were given, when the last of them was, how many may still be taken, and how many were taken of
   * this end in this slot and did not come back. */
  byte pool;
  byte giving;
  byte since;
  byte due;
  byte out
};

typedef Slot {
  Word word[2];
  byte rule
};

Slot slot[MOST_SLOTS];
byte now = 1;

/* The daemon's book. Of slots: whose they are, and the ends ever published in their words. Of pools:
 * where they are, and of each word the end, what was seen in it, what clients have spent of that
 * end as far as was seen, and what is in hand. */
byte owner[MOST_SLOTS];
byte last_end[2 * MOST_SLOTS];
byte place[3];
byte in_word[6], shown[6], spent[6], hand[6];
bit was_forged[6];  /* of this end a word was voided, and what was in it nobody knows */
/* The store: what it gave, by pool and end, and the CLEARs of each pool. */
byte given[3 * MOST_ENDS];
byte giving[3];
byte clears, forges;  /* that may still come */

#define WORD(at_slot, parity) slot[at_slot].word[parity]
#define BOOK(of_pool, parity) (2 * (of_pool) + (parity))
#define GIVEN(of_pool, of_end) given[MOST_ENDS * (of_pool) + (of_end)]

proctype clock() {
  do
  :: atomic { now < LAST -> now++; GIVEN(A, now) = 0; GIVEN(B, now) = 0 }
  :: now == LAST -> break
  od
}

/* ---- The clients ---------------------------------------------------------------------------- */

#define TAKE_ONE(at_slot, parity) \
  assert(WORD(at_slot, parity).due > 0); \
  WORD(at_slot, parity).permits--; WORD(at_slot, parity).due--; WORD(at_slot, parity).out++
/* What comes back is of the pool, of the end and of the giving that it was taken of. */
#define PUT_ONE(at_slot, parity, of_pool, of_end, of_giving) \
  assert(WORD(at_slot, parity).pool == of_pool); \
  assert(WORD(at_slot, parity).end == of_end); \
  assert(WORD(at_slot, parity).giving == of_giving); \
  WORD(at_slot, parity).permits++; WORD(at_slot, parity).due++; WORD(at_slot, parity).out--

/* Any word that is there, or none. */
#define CHOOSE(which, parity, condition) \
  if \
  :: WORD(0, 0).condition -> which = 0; parity = 0 \
  :: WORD(0, 1).condition -> which = 0; parity = 1 \
  :: SLOTS > 1 && WORD(1, 0).condition -> which = 1; parity = 0 \
  :: SLOTS > 1 && WORD(1, 1).condition -> which = 1; parity = 1 \
  :: SLOTS > 2 && WORD(2, 0).condition -> which = 2; parity = 0 \
  :: SLOTS > 2 && WORD(2, 1).condition -> which = 2; parity = 1 \
  fi

/* It takes a permit, and spends it or carries it. What is carried is spent, put back or lost, with
 * who carried it; for the words it is the same which of the three it is, but for the second one. */
proctype others() {
  byte from = 0, parity = 0, end = 0, pool = 0, of_giving = 0;
end_take:
  atomic {
    CHOOSE(from, parity, permits > 0);
    TAKE_ONE(from, parity);
    if
    :: from = 0; parity = 0; goto end_take
    :: end = WORD(from, parity).end; pool = WORD(from, parity).pool;
       of_giving = WORD(from, parity).giving
    fi
  }
end_carry:
  atomic {
    if
    :: WORD(from, parity).end == end && (!IDENTITY || slot[from].rule == pool) ->
         PUT_ONE(from, parity, pool, end, of_giving)
    :: true
    fi;
    from = 0; parity = 0; end = 0; pool = 0; of_giving = 0;
    goto end_take
  }
}

#define MINE WORD(from[member], parity[member])
#define SAME (MINE.end == seen_end && MINE.permits == seen_permits)
#define POOL_OF(which) (which == 0 -> first : 3 - first)

/* A check of two members. A client that is killed is one that never does its next step. */
proctype client() {
  byte at = 0, first = 0, member = 0, seen_end = 0, seen_permits = 0;
  /* Of what it carries, by member; the last two nobody can read. */
  byte from[2], parity[2], end[2], of_giving[2], since[2];

end_next:
  atomic {
    if :: first = A :: POOLS > 1 -> first = B fi;
    at = now
  }
end_load:
  atomic {
    if
    :: member > 0 -> goto back  /* a miss, in whichever way */
    :: CHOOSE(from[member], parity[member], permits > 0);
       if :: MINE.end > at :: else -> from[member] = 0; parity[member] = 0; goto back fi;
       seen_end = MINE.end; seen_permits = MINE.permits
    fi
  }
  atomic { if :: slot[from[member]].rule != POOL_OF(member) -> goto missed :: else fi }
  atomic {
    if :: !SAME -> goto missed :: else fi;
    assert(MINE.pool == POOL_OF(member));
    TAKE_ONE(from[member], parity[member]);
    end[member] = seen_end; of_giving[member] = MINE.giving;
    since[member] = (JOINT -> MINE.since : 0);
    seen_end = 0; seen_permits = 0;
    member++;
    if
    :: JOINT && member == 1 -> goto end_load
    :: !JOINT -> goto over  /* the other member was paid */
    :: !JOINT -> goto back  /* or not */
    :: JOINT && member == 2
    fi
  }
  atomic {
    if
    :: (now < end[0] && now < end[1]) || NO_CLOCK_AFTER_TAKING ->
         /* There was a moment in this call at which all that it paid with was good. */
         assert(since[0] < end[1] && since[1] < end[0]);
         goto over
    :: else -> goto back
    fi
  }
missed:
  atomic { from[member] = 0; parity[member] = 0; seen_end = 0; seen_permits = 0; goto back }

back:
  atomic {
    if
    :: member == 0 -> goto over
    :: else -> member--; at = 0; since[0] = 0; since[1] = 0
    fi
  }
again:
  atomic {
    seen_end = MINE.end; seen_permits = MINE.permits;
    if
    :: seen_end == end[member] || (END_NOT_COMPARED && seen_end > 0)
    :: else -> goto let_go
    fi
  }
  atomic { if :: IDENTITY && slot[from[member]].rule != POOL_OF(member) -> goto let_go :: else fi }
  atomic {
    if
    :: !SAME && !PUT_BACK_BY_STORE -> goto again
    :: SAME || PUT_BACK_BY_STORE ->
         PUT_ONE(from[member], parity[member], POOL_OF(member), end[member], of_giving[member]);
         MINE.permits = seen_permits + 1
    fi
  }
let_go:
  atomic {
    from[member] = 0; parity[member] = 0; end[member] = 0; of_giving[member] = 0;
    seen_end = 0; seen_permits = 0;
    goto back
  }
over:
  atomic {
    at = 0; first = 0; member = 0;
    from[0] = 0; parity[0] = 0; end[0] = 0; of_giving[0] = 0; since[0] = 0;
    from[1] = 0; parity[1] = 0; end[1] = 0; of_giving[1] = 0; since[1] = 0;
    goto end_next
  }
}

/* ---- The daemon ----------------------------------------------------------------------------- */

#define VOID(at_slot, parity) \
  WORD(at_slot, parity).end = 0; WORD(at_slot, parity).permits = 0; WORD(at_slot, parity).pool = 0; \
  WORD(at_slot, parity).giving = 0; WORD(at_slot, parity).since = 0; WORD(at_slot, parity).due = 0; \
  WORD(at_slot, parity).out = 0
#define IS_OVER(at_slot) (last_end[2 * (at_slot)] <= now && last_end[2 * (at_slot) + 1] <= now)

/* Judges what is in a word. What clients have spent of its end, and did not put back, is then in the
 * book: neither more nor less. */
inline look(of_pool, parity) {
  if
  :: in_word[BOOK(of_pool, parity)] > 0 && WORD(place[of_pool], parity).end > 0 ->
       assert(WORD(place[of_pool], parity).end == in_word[BOOK(of_pool, parity)]);
       if
       :: WORD(place[of_pool], parity).permits >
            shown[BOOK(of_pool, parity)] + (CAME_BACK_IS_FORGED -> 0 : spent[BOOK(of_pool, parity)]) ->
            /* Taken for forged. That must not be, but for what had been taken unseen when another
             * one was forged. */
            assert(was_forged[BOOK(of_pool, parity)]);
            strand_word(of_pool, parity)
       :: else ->
            if
            :: SPENT_NOT_LOWERED && WORD(place[of_pool], parity).permits > shown[BOOK(of_pool, parity)]
            :: else ->
                 spent[BOOK(of_pool, parity)] = spent[BOOK(of_pool, parity)] +
                   shown[BOOK(of_pool, parity)] - WORD(place[of_pool], parity).permits
            fi;
            shown[BOOK(of_pool, parity)] = WORD(place[of_pool], parity).permits;
            assert(spent[BOOK(of_pool, parity)] == WORD(place[of_pool], parity).out ||
                   was_forged[BOOK(of_pool, parity)])
       fi
  :: else
  fi
}
/* A forged word is voided. Nobody knows what was in it: it is stranded. What was taken before may
 * come back. */
inline strand_word(of_pool, parity) {
  was_forged[BOOK(of_pool, parity)] = 1;
  WORD(place[of_pool], parity).end = 0; WORD(place[of_pool], parity).permits = 0;
  WORD(place[of_pool], parity).due = 0;
  shown[BOOK(of_pool, parity)] = 0
}
/* Voided, and looked at; what was left in it, and in hand of it, is stranded. */
inline retire(of_pool, parity) {
  look(of_pool, parity);
  VOID(place[of_pool], parity);
  in_word[BOOK(of_pool, parity)] = 0; shown[BOOK(of_pool, parity)] = 0;
  hand[BOOK(of_pool, parity)] = 0; was_forged[BOOK(of_pool, parity)] = 0;
  if
  :: SPENT_KEPT_FOR_NEXT_END
  :: else -> spent[BOOK(of_pool, parity)] = 0
  fi
}
/* Into the word, from what is in hand. */
#define SHOW(of_pool, parity) \
  hand[BOOK(of_pool, parity)]--; shown[BOOK(of_pool, parity)]++; \
  WORD(place[of_pool], parity).end = in_word[BOOK(of_pool, parity)]; \
  WORD(place[of_pool], parity).pool = of_pool; \
  WORD(place[of_pool], parity).giving = giving[of_pool]; \
  WORD(place[of_pool], parity).since = (JOINT -> now : 0); \
  WORD(place[of_pool], parity).permits++; WORD(place[of_pool], parity).due++

#define LOOK(of_pool, parity) \
  atomic { place[of_pool] != NOWHERE && WORD(place[of_pool], parity).end > 0 && \
           WORD(place[of_pool], parity).permits != shown[BOOK(of_pool, parity)] -> \
    look(of_pool, parity) }
/* As to pay a cost of both words, or who is in the line; what is not needed comes back. */
#define IN_HAND(of_pool, parity) \
  atomic { HANDS && place[of_pool] != NOWHERE && WORD(place[of_pool], parity).permits > 0 -> \
    look(of_pool, parity); \
    hand[BOOK(of_pool, parity)] = hand[BOOK(of_pool, parity)] + shown[BOOK(of_pool, parity)]; \
    shown[BOOK(of_pool, parity)] = 0; \
    WORD(place[of_pool], parity).permits = 0; WORD(place[of_pool], parity).due = 0; \
    if \
    :: SPENT_FORGOTTEN_IN_HAND -> spent[BOOK(of_pool, parity)] = 0 \
    :: else \
    fi }
#define OUT_OF_HAND(of_pool, parity) \
  atomic { hand[BOOK(of_pool, parity)] > 0 -> \
    if \
    :: HANDS -> hand[BOOK(of_pool, parity)]--  /* spent */ \
    :: look(of_pool, parity); SHOW(of_pool, parity) \
    fi }
#define FORGED(of_pool, parity) \
  atomic { forges > 0 && place[of_pool] != NOWHERE && WORD(place[of_pool], parity).end > 0 -> \
    forges--; \
    strand_word(of_pool, parity) }

proctype daemon() {
  byte pool = 0, end = 0, at = 0;

end_idle:
  if
  :: LOOK(A, 0)
  :: LOOK(A, 1)
  :: LOOK(B, 0)
  :: LOOK(B, 1)
  :: IN_HAND(A, 0)
  :: IN_HAND(A, 1)
  :: IN_HAND(B, 0)
  :: IN_HAND(B, 1)
  :: OUT_OF_HAND(A, 0)
  :: OUT_OF_HAND(A, 1)
  :: OUT_OF_HAND(B, 0)
  :: OUT_OF_HAND(B, 1)
  :: FORGED(A, 0)
  :: FORGED(A, 1)
  :: atomic { pool = A; goto reserve }
  :: atomic { POOLS > 1 && place[A] != NOWHERE -> pool = B; goto reserve }
  :: atomic { clears > 0 && place[A] != NOWHERE -> clears--; pool = A; goto clear }
  fi;
  goto end_idle;

reserve:
  atomic {
    if
    :: end = now + 1
    :: end = now + 2
    fi;
    if
    :: end > LAST + 1 || GIVEN(pool, end) == LIMIT -> goto idle
    :: place[pool] != NOWHERE && in_word[BOOK(pool, end % 2)] > end -> goto idle
    :: else
    fi;
    if
    :: place[pool] != NOWHERE -> goto own
    :: else
    fi;
    /* Nobody's slots first. */
    if
    :: owner[0] == NOBODY && IS_OVER(0) -> at = 0; goto take
    :: else
    fi;
    if
    :: SLOTS > 1 && owner[1] == NOBODY && IS_OVER(1) -> at = 1; goto take
    :: else
    fi;
    if
    :: SLOTS > 2 && owner[2] == NOBODY && IS_OVER(2) -> at = 2; goto take
    :: else
    fi;
    if
    :: owner[0] != NOBODY && IS_OVER(0) -> at = 0
    :: SLOTS > 1 && owner[1] != NOBODY && IS_OVER(1) -> at = 1
    :: SLOTS > 2 && owner[2] != NOBODY && IS_OVER(2) -> at = 2
    :: else -> goto idle
    fi;
    /* Its owner lets go of it. */
    retire(owner[at], 0);
    retire(owner[at], 1);
    place[owner[at]] = NOWHERE; owner[at] = NOBODY
  }
take:
  atomic { VOID(at, 0); VOID(at, 1) }
  atomic { slot[at].rule = pool; owner[at] = pool; place[pool] = at; at = 0 }
own:
  atomic {
    if
    :: end <= now -> goto idle  /* what is late grants nothing */
    :: else -> GIVEN(pool, end)++
    fi;
    if
    :: in_word[BOOK(pool, end % 2)] == end
    :: else ->
         if
         :: last_end[2 * place[pool] + end % 2] >= end -> goto idle
         :: else
         fi;
         /* An older one gives up its word. */
         retire(pool, end % 2);
         in_word[BOOK(pool, end % 2)] = end;
         last_end[2 * place[pool] + end % 2] = end
    fi;
    hand[BOOK(pool, end % 2)]++
  }
  atomic { look(pool, end % 2); SHOW(pool, end % 2); goto idle }

  /* The pool is emptied while its ends lie ahead. So it leaves its slot, whose ends stay in the book,
   * and is given as much again. */
clear:
  atomic { retire(pool, 0) }
  atomic { retire(pool, 1) }
  atomic {
    giving[pool]++;
    GIVEN(pool, 1) = 0; GIVEN(pool, 2) = 0; GIVEN(pool, 3) = 0; GIVEN(pool, 4) = 0; GIVEN(pool, 5) = 0;
    if
    :: CLEARED_IN_ITS_SLOT ->
         last_end[2 * place[pool]] = 0; last_end[2 * place[pool] + 1] = 0
    :: else ->
         slot[place[pool]].rule = NOBODY; owner[place[pool]] = NOBODY;
         if
         :: LEFT_SLOT_FORGETS_ENDS ->
              last_end[2 * place[pool]] = 0; last_end[2 * place[pool] + 1] = 0
         :: else
         fi;
         place[pool] = NOWHERE
    fi
  }
idle:
  atomic { pool = 0; end = 0; at = 0; goto end_idle }
}

init {
  atomic {
    place[A] = NOWHERE; place[B] = NOWHERE; clears = CLEARS; forges = FORGES;
    run clock(); run daemon(); run client();
    if :: OTHERS > 0 -> run others() :: else fi;
    if :: OTHERS > 1 -> run others() :: else fi
  }
}
