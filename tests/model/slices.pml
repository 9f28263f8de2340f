/* Two words that are open at once: slices, on one slot of the shared segment. docs/model.md. Memory
 * is sequentially consistent here; what C11 allows beyond that is model_c11's part.
 *
 * A word is loaded, swapped, exchanged or stored in one step, and so are the parts of the identity.
 * Between any two steps anything may happen. One client is told step by step. What all others can
 * do to a word is to take permits out of it, at any time, and to put back what they have taken of its
 * end: their steps are those of that client, of which is asserted that it takes its own pool's only,
 * and of the one in combined.pml. So it is any number of them.
 *
 * A daemon's loop that swaps until it succeeds is one step: it changes the word from what it saw. */

#include "mistake.pml"
#define SLICE_NOT_COMPARED MISTAKE(1)
#define IDENTITY_AFTER_SWAP MISTAKE(2)
#define BY_EARLIEST_TIME MISTAKE(3)
#define DENIED_BY_ONE_WORD MISTAKE(4)
#define NO_SECOND_LOOK MISTAKE(5)
#define SUM_IGNORED MISTAKE(6)
#define DENIAL_BEYOND MISTAKE(7)
#define BIT_LEFT_BESIDE_HAND MISTAKE(8)
#define DENIAL_LEFT_BESIDE_HAND MISTAKE(9)
#define DENIAL_OVER_LIVE_WORD MISTAKE(10)
#define ENDS_DO_NOT_GROW MISTAKE(11)
#define ONE_SLICE_OVER_SUFFICES MISTAKE(12)
#define PUT_BACK_ELSEWHERE MISTAKE(13)
#define DENIED_WITHOUT_CLOCK MISTAKE(14)
#define SAID_AGAIN MISTAKE(15)
#define BIT_BEYOND MISTAKE(16)
#define SAID_BESIDE_UNSHOWN MISTAKE(17)
#define VOID_LEFT_OUT MISTAKE(18)
#define OLD_SEGMENT_ADOPTED MISTAKE(19)
#define PUBLISHED_UNRESERVED MISTAKE(20)
#define ENDS_FORGOTTEN MISTAKE(21)
#define VOID_NOT_LOOKED_AT MISTAKE(22)
#define SLICE_SAYS_BESIDE_CARRIERS MISTAKE(23)

#define NOBODY 0
#define A 1
#define B 2
/* The size is chosen in the same way, so that one verifier does for all:
 *   POOLS     1: nobody but A ever asks; 2
 *   COSTS     checks are of cost 1 to COSTS
 *   LAST      the clock goes from 2 to LAST
 *   LIMIT     permits that the store has of a pool at first, and at most
 *   REFILL    when the store gets a permit more of each pool
 *   RELOADS   reloads that drop the limit whose slot it is
 *   RESTARTS  kills of the daemon
 *   CARRIERS  1: others may put back what they took, and no slice says exhausted */
c_decl {
  static int rg_pools, rg_costs, rg_last, rg_limit, rg_refill, rg_reloads, rg_restarts,
      rg_carriers;
  static int rg_number(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
  }
  __attribute__((constructor)) static void choose_size(void) {
    rg_pools = rg_number("POOLS", 2);
    rg_costs = rg_number("COSTS", 2);
    rg_last = rg_number("LAST", 5);
    rg_limit = rg_number("LIMIT", 2);
    rg_refill = rg_number("REFILL", 4);
    rg_reloads = rg_number("RELOADS", 0);
    rg_restarts = rg_number("RESTARTS", 0);
    rg_carriers = rg_number("CARRIERS", 0);
  }
};

#define POOLS c_expr { rg_pools }
#define COSTS c_expr { rg_costs }
#define LAST c_expr { rg_last }
#define LIMIT c_expr { rg_limit }
#define REFILL c_expr { rg_refill }
#define RELOADS c_expr { rg_reloads }
#define RESTARTS c_expr { rg_restarts }
#define CARRIERS c_expr { rg_carriers }

/* A slice is 2 long, a lease lives for 2 or 3: two are open at every odd moment. Denials end before
 * any lease that is reserved later. */
#define LEASE_END(moment) ((((moment) + 3) / 2) * 2)
#define PARITY(lease_end) (((lease_end) / 2) % 2)
#define DENIAL_LIFE 1
/* Until when a store that has nothing has nothing. */
#define NOTHING_UNTIL (now < REFILL -> REFILL : LAST + 4)

typedef Word {
  byte end;
  byte permits;
  bit exhausted;
  /* Nobody can read what follows: whose permits they are, how many may still be taken, of those that
   * were reserved for this end, and how many of it are carried, and may come back. */
  byte pool;
  byte due;
  byte carried
};

typedef Slot {
  Word word[2];
  byte rule;
  byte key
};

Slot slot[2];  /* of the first daemon's segment, and of the next one's */
byte now = 2;
byte have[3];  /* in the store, by pool */

/* The daemon's book: whose the slot is, the ends ever published in its words, those that are in them
 * now, and which of these are denials. */
byte seg = 0, owner = NOBODY, last_end[2], in_word[2];
bit denial[2];
bit taken_back[2];  /* exhausted was said of this end, and taken away: it is not said again */
byte hand[2];       /* permits of these ends that no client can reach: unshown, or in hand */
byte told = 0;      /* until when the store has nothing; 0: it may have */
bit vanished = 0;   /* permits were lost by a store over them */
bit kill = 0;
byte reloads, restarts;  /* that may still come */

/* The client's call. */
bit calls = 0;
byte client_seg = 0, want = 0, cost = 0;
bit lacked = 0;  /* there was a moment in this call when a denial would have been true */

#define HELD (owner == want -> hand[0] + hand[1] : 0)
#define OPEN_OF(parity) \
  ((slot[client_seg].word[parity].end > now && slot[client_seg].word[parity].pool == want) -> \
   slot[client_seg].word[parity].permits : 0)
#define LACKS \
  (calls && !lacked && have[want] == 0 && HELD == 0 && !vanished && OPEN_OF(0) + OPEN_OF(1) < cost)
/* At the end of every step that may make it true. */
#define OBSERVE if :: LACKS -> lacked = 1 :: else fi

proctype clock() {
  do
  :: atomic { now < LAST ->
       now++;
       if
       :: now == REFILL ->
            have[A] = (have[A] < LIMIT -> have[A] + 1 : LIMIT);
            have[B] = (have[B] < LIMIT && POOLS > 1 -> have[B] + 1 : have[B])
       :: else
       fi;
       OBSERVE
     }
  :: now == LAST -> break
  od
}

/* ---- The clients ---------------------------------------------------------------------------- */

#define TAKE(segment, parity) \
  atomic { slot[segment].word[parity].permits > 0 -> \
    assert(slot[segment].word[parity].due > 0); \
    slot[segment].word[parity].permits--; slot[segment].word[parity].due--; \
    if \
    :: true \
    :: CARRIERS -> slot[segment].word[parity].carried++ \
    fi; \
    OBSERVE }
/* The swap is of the same end: what is carried of another one is stranded. */
#define COME_BACK(segment, parity) \
  atomic { slot[segment].word[parity].carried > 0 && slot[segment].word[parity].end > 0 -> \
    slot[segment].word[parity].carried--; \
    slot[segment].word[parity].permits++; slot[segment].word[parity].due++; \
    OBSERVE }

proctype others() {
end_take:
  do
  :: TAKE(0, 0)
  :: TAKE(0, 1)
  :: TAKE(1, 0)
  :: TAKE(1, 1)
  :: COME_BACK(0, 0)
  :: COME_BACK(0, 1)
  :: COME_BACK(1, 0)
  :: COME_BACK(1, 1)
  od
}

#define MINE(parity) slot[client_seg].word[parity]
#define IS_OPEN(word_end) (word_end > at || (BY_EARLIEST_TIME && word_end + 1 > at))
/* A word that is not open is as good as void. */
#define LOAD(parity) \
  if \
  :: IS_OPEN(MINE(parity).end) && MINE(parity).end > 0 -> \
       end[parity] = MINE(parity).end; permits[parity] = MINE(parity).permits; \
       exhausted[parity] = MINE(parity).exhausted \
  :: else -> end[parity] = 0; permits[parity] = 0; exhausted[parity] = 0 \
  fi
#define SAME(parity) (MINE(parity).permits == permits[parity] && \
                      MINE(parity).exhausted == exhausted[parity] && \
                      (MINE(parity).end == end[parity] || SLICE_NOT_COMPARED))
/* What was not open must not be open now, either. */
#define STILL(parity) \
  (NO_SECOND_LOOK || (end[parity] > 0 && SAME(parity)) || \
   (end[parity] == 0 && (VOID_NOT_LOOKED_AT || !IS_OPEN(MINE(parity).end))))
/* A permit was taken of that pool's slice of that end. */
#define ALLOWED(of_pool, of_end) assert(of_pool == want); assert(of_end > at)

proctype client() {
  byte at = 0, end[2], permits[2], from = 0, got_pool = 0, got_end = 0;
  bit exhausted[2];

end_next:
  atomic {
    if :: client_seg = 0 :: seg == 1 -> client_seg = 1 fi;
    if :: want = A :: POOLS > 1 -> want = B fi;
    if :: cost = 1 :: COSTS > 1 -> cost = 2 fi;
    /* What no clock could make enough is denied by the reading after it alone: then no word is over. */
    if :: at = now :: at = 0 fi;
    calls = 1;
    OBSERVE
  }
again:
  atomic { LOAD(0) }
  atomic {
    LOAD(1);
    if
    :: end[0] == 0 && end[1] == 0 -> goto over
    :: (end[0] > 0 || end[1] > 0) && POOLS == 1 -> goto key  /* both parts at once will do */
    :: else
    fi
  }
  atomic {
    if
    :: !IDENTITY_AFTER_SWAP && slot[client_seg].rule != want -> goto over
    :: else
    fi
  }
key:
  atomic {
    if
    :: !IDENTITY_AFTER_SWAP && slot[client_seg].key != want -> goto over
    :: else
    fi;
    /* The one that ends first, or else the other. */
    from = (end[0] == 0 || (end[1] != 0 && end[1] < end[0]) -> 1 : 0);
    if
    :: permits[from] >= cost -> goto swap
    :: permits[from] < cost && DENIED_BY_ONE_WORD && exhausted[from] -> goto look
    :: permits[from] < cost && !(DENIED_BY_ONE_WORD && exhausted[from]) -> from = 1 - from
    fi;
    if
    :: permits[from] >= cost -> goto swap
    :: permits[0] + permits[1] >= cost && !SUM_IGNORED -> goto over
    :: else
    fi;
    if
    :: permits[from] < cost && !exhausted[0] && !exhausted[1] -> goto over
    :: else -> goto look
    fi
  }
swap:
  atomic {
    if
    :: at == 0 -> goto over  /* it begins anew with a reading */
    :: at > 0 && !SAME(from) -> goto again
    :: else
    fi;
    got_pool = MINE(from).pool; got_end = MINE(from).end;
    assert(MINE(from).due >= cost);
    MINE(from).permits = MINE(from).permits - cost; MINE(from).due = MINE(from).due - cost;
    OBSERVE;
    if
    :: IDENTITY_AFTER_SWAP
    :: else -> ALLOWED(got_pool, got_end); goto over
    fi
  }
  /* Only that mistake comes here. */
  atomic {
    if
    :: slot[client_seg].rule == want && slot[client_seg].key == want -> ALLOWED(got_pool, got_end)
    :: else
    fi;
    goto over
  }
look:
  atomic { if :: STILL(0) :: else -> goto again fi }
  atomic { if :: STILL(1) :: else -> goto again fi }
  atomic {
    /* The clock after the words: what was said held until now. */
    if
    :: DENIED_WITHOUT_CLOCK || (exhausted[0] && end[0] > now) || (exhausted[1] && end[1] > now) ->
         assert(lacked)
    :: else
    fi
  }
over:
  atomic {
    calls = 0; client_seg = 0; want = 0; cost = 0; lacked = 0; at = 0; from = 0;
    end[0] = 0; permits[0] = 0; exhausted[0] = 0; end[1] = 0; permits[1] = 0; exhausted[1] = 0;
    got_pool = 0; got_end = 0;
    goto end_next
  }
}

/* ---- The daemon ----------------------------------------------------------------------------- */

#define WORD(parity) slot[seg].word[parity]
#define VOID(parity) \
  WORD(parity).end = 0; WORD(parity).permits = 0; WORD(parity).exhausted = 0; \
  WORD(parity).pool = 0; WORD(parity).due = 0; WORD(parity).carried = 0
/* What is in the word, and in hand of it, is given up. */
#define FORGET(parity) in_word[parity] = 0; denial[parity] = 0; taken_back[parity] = 0; hand[parity] = 0
#define FILL(parity, with_end) \
  in_word[parity] = with_end; \
  last_end[parity] = (last_end[parity] < with_end -> with_end : last_end[parity])

#define BOTH_OVER (last_end[0] <= now && last_end[1] <= now)
#define MAY_OWN(whose) (owner == whose || BOTH_OVER || \
                        (ONE_SLICE_OVER_SUFFICES && (last_end[0] <= now || last_end[1] <= now)))
/* Only where late answers count does who asks before it may own get something by it. */
#define MAY_ASK(whose) (MAY_OWN(whose) || ENDS_DO_NOT_GROW)
#define ALL_SHOWN (hand[0] + hand[1] == 0 || SAID_BESIDE_UNSHOWN)
/* Exhausted may be said in the word of a slice, where nobody puts anything back. */
#define MAY_SAY(parity) \
  ((!CARRIERS || SLICE_SAYS_BESIDE_CARRIERS) && owner != NOBODY && in_word[parity] > now && WORD(parity).end == in_word[parity] && \
   !WORD(parity).exhausted && !denial[parity] && ALL_SHOWN && \
   (told >= in_word[parity] || (BIT_BEYOND && told > now)) && (!taken_back[parity] || SAID_AGAIN))
#define DENIAL_END (told < now + DENIAL_LIFE -> told : now + DENIAL_LIFE)
#define MAY_DENY(parity) \
  (owner != NOBODY && told > now && ALL_SHOWN && in_word[parity] <= now && \
   (last_end[parity] < DENIAL_END || ENDS_DO_NOT_GROW))
#define SAY(parity) \
  atomic { MAY_SAY(parity) -> WORD(parity).exhausted = 1; OBSERVE }
/* Takes "exhausted" away: of a slice by a swap, of a denial by a void. */
#define TAKE_BACK(parity) \
  if \
  :: WORD(parity).exhausted && denial[parity] && !DENIAL_LEFT_BESIDE_HAND -> \
       VOID(parity); FORGET(parity) \
  :: WORD(parity).exhausted && !denial[parity] && !BIT_LEFT_BESIDE_HAND -> \
       WORD(parity).exhausted = 0; taken_back[parity] = 1 \
  :: else \
  fi; \
  OBSERVE
#define IN_HAND(parity) \
  if \
  :: in_word[parity] > now && WORD(parity).end == in_word[parity] -> \
       hand[parity] = hand[parity] + WORD(parity).permits; WORD(parity).permits = 0 \
  :: else \
  fi; \
  OBSERVE
/* Into the end that they are of. */
#define SHOW(parity) \
  atomic { hand[parity] > 0 -> \
    if \
    :: PUT_BACK_ELSEWHERE && in_word[1 - parity] > now -> other = 1 - parity \
    :: !PUT_BACK_ELSEWHERE || in_word[1 - parity] <= now -> other = parity \
    fi; \
    hand[parity]--; \
    WORD(other).end = in_word[other]; WORD(other).permits++; \
    assert(WORD(other).permits + hand[other] <= WORD(other).due); \
    other = 0; OBSERVE }
#define PAY(parity) \
  atomic { hand[parity] > 0 && in_word[parity] > now -> \
    assert(WORD(parity).due > 0); \
    hand[parity]--; WORD(parity).due--; OBSERVE }
#define DROP(parity) \
  atomic { hand[parity] > 0 && in_word[parity] <= now -> hand[parity] = 0; OBSERVE }

proctype daemon() {
  /* The reservation under way; `until`: till when nothing more is there. */
  byte pool = 0, lease_end = 0, granted = 0, until = 0, parity = 0, other = 0;

idle:
  {
  atomic { pool = 0; lease_end = 0; granted = 0; until = 0; parity = 0 }
end_wait:
  if
  :: atomic { MAY_ASK(A) -> pool = A; goto reserve }
  :: atomic { POOLS > 1 && now > 2 && MAY_ASK(B) -> pool = B; goto reserve }  /* alike, so A comes first */
  :: SAY(0)
  :: SAY(1)
  :: atomic { MAY_DENY(0) -> parity = 0; goto deny }
  :: atomic { MAY_DENY(1) -> parity = 1; goto deny }
  :: atomic { DENIAL_OVER_LIVE_WORD && owner != NOBODY && WORD(0).permits > 0 &&
              in_word[0] > now && told >= in_word[0] ->
       WORD(0).permits = 0; WORD(0).exhausted = 1; vanished = 1 }
  :: atomic { owner != NOBODY && WORD(0).permits + WORD(1).permits > 0 -> goto take }
  :: SHOW(0)
  :: SHOW(1)
  :: PAY(0)
  :: PAY(1)
  :: DROP(0)
  :: DROP(1)
  :: atomic { reloads > 0 && owner != NOBODY -> reloads--; goto give_back }
  fi;
  goto end_wait;

reserve:
  atomic {
    /* The store: never more than it has. */
    if
    :: have[pool] > 0 -> granted = 1
    :: have[pool] > 1 -> granted = 2
    :: have[pool] == 0 && told != NOTHING_UNTIL -> granted = 0
    :: else -> goto idle  /* it would say what it said before */
    fi;
    have[pool] = have[pool] - granted;
    lease_end = LEASE_END(now);
    parity = PARITY(lease_end);
    until = (have[pool] == 0 -> NOTHING_UNTIL : 0);
    OBSERVE
  }
  /* The answer comes, some time later. What is late grants nothing. */
  atomic {
    if
    :: lease_end <= now && !ENDS_DO_NOT_GROW -> goto idle
    :: owner != pool && !MAY_OWN(pool) -> goto idle
    :: owner == pool -> goto own
    :: else
    fi
  }
  /* The hand-over. */
  atomic { hand[0] = 0; hand[1] = 0; if :: VOID_LEFT_OUT :: else -> VOID(0) fi; OBSERVE }
  atomic { if :: VOID_LEFT_OUT :: else -> VOID(1) fi; OBSERVE }
  slot[seg].rule = pool;
  atomic { slot[seg].key = pool; owner = pool; told = 0; FORGET(0); FORGET(1); OBSERVE }
own:
  atomic {
    told = until;
    if
    :: granted == 0 -> goto idle
    :: else
    fi;
    /* An older slice, or a denial, gives up its word. */
    if
    :: in_word[parity] > lease_end -> goto idle
    :: in_word[parity] == lease_end -> assert(!denial[parity])
    :: in_word[parity] < lease_end ->
         if
         :: last_end[parity] >= lease_end && !ENDS_DO_NOT_GROW && !ONE_SLICE_OVER_SUFFICES ->
              goto idle
         :: else
         fi;
         if
         :: in_word[parity] > 0 -> VOID(parity)
         :: else
         fi;
         FORGET(parity); FILL(parity, lease_end)
    fi;
    hand[parity] = hand[parity] + granted;
    WORD(parity).pool = pool;
    if
    :: PUBLISHED_UNRESERVED
    :: else -> WORD(parity).due = WORD(parity).due + granted
    fi;
    OBSERVE;
    goto idle
  }

deny:
  atomic {
    lease_end = (DENIAL_BEYOND -> now + DENIAL_LIFE + 1 : DENIAL_END);
    VOID(parity); FORGET(parity); FILL(parity, lease_end); denial[parity] = 1
  }
  atomic {
    WORD(parity).end = lease_end; WORD(parity).exhausted = 1; WORD(parity).pool = owner;
    OBSERVE; goto idle
  }

  /* To pay a cost of both words. */
take:
  atomic { TAKE_BACK(0) }
  atomic { TAKE_BACK(1) }
  atomic { IN_HAND(0) }
  atomic { IN_HAND(1); goto idle }

  /* A reload drops the limit: the slot is free, its ends stay in the book. */
give_back:
  atomic { hand[0] = 0; hand[1] = 0; VOID(0); OBSERVE }
  atomic {
    VOID(1); owner = NOBODY; told = 0; FORGET(0); FORGET(1);
    if
    :: ENDS_FORGOTTEN -> last_end[0] = 0; last_end[1] = 0
    :: else
    fi;
    OBSERVE; goto idle
  }
  } unless { kill };

  /* The next daemon has an empty book, and a segment of its own. */
  atomic {
    kill = 0; owner = NOBODY; told = 0; last_end[0] = 0; last_end[1] = 0; FORGET(0); FORGET(1);
    if
    :: OLD_SEGMENT_ADOPTED
    :: else -> seg = 1
    fi;
    OBSERVE; goto idle
  }
}

proctype killer() {
end_kill:
  do
  :: atomic { restarts > 0 && !kill -> restarts--; kill = 1 }
  od
}

init {
  atomic {
    have[A] = LIMIT; have[B] = LIMIT; reloads = RELOADS; restarts = RESTARTS;
    run clock(); run daemon(); run others(); run client(); run killer()
  }
}
