/* A slot that is a pool's and a ban's in turn, of two keys: docs/model.md. Memory is sequentially
 * consistent here; what C11 allows beyond that is model_c11's part.
 *
 * A word is loaded, swapped, exchanged or stored in one step, and so are the two parts of the
 * identity; the rule and the bit that says "blocked" are one of them. Between any two steps anything
 * may happen. One client is told step by step; all others are what they can do to a word, which is
 * to take permits out of it. When a pool's store has nothing is the other models' matter: here a
 * pool says "exhausted" whenever it likes. */

#include "mistake.pml"
#define BIT_AFTER_PUBLISH MISTAKE(1)
#define BAN_OVER_LIVE_ENDS MISTAKE(2)
#define BAN_OVER_OWNER MISTAKE(3)
#define LIFTED_WITHOUT_VOID MISTAKE(4)
#define BIT_AFTER_SECOND_LOOK MISTAKE(5)
#define NO_SECOND_LOOK MISTAKE(6)
#define BAN_BEYOND_BLOCK MISTAKE(7)
#define VOID_LEFT_OUT MISTAKE(8)
#define ENDS_OF_BAN_FORGOTTEN MISTAKE(9)
#define REST_AFTER_SECOND_LOOK MISTAKE(10)
#define BIT_ALONE_WRITTEN MISTAKE(11)
#define IDENTITY_NOT_COMPARED MISTAKE(12)
#define NEVER_LIFTED MISTAKE(13)

#define NOBODY 0
#define A 1
#define B 2
/* The size is chosen in the same way, so that one verifier does for all:
 *   SLICES  0: a check is decided by one word; 1: by both
 *   LAST    the clock goes from 1 to LAST
 *   CLEARS  of blocked keys */
c_decl {
  static int rg_slices, rg_last, rg_clears;
  static int rg_number(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
  }
  __attribute__((constructor)) static void choose_size(void) {
    rg_slices = rg_number("SLICES", 0);
    rg_last = rg_number("LAST", 3);
    rg_clears = rg_number("CLEARS", 1);
  }
};

#define SLICES c_expr { rg_slices }
#define LAST c_expr { rg_last }
#define CLEARS c_expr { rg_clears }

#define LONGEST 2  /* no word ends later than that from now */

typedef Word {
  byte end;
  bit permits;
  bit exhausted;
  /* Nobody can read what follows: whose word it is, and whether a ban's. */
  byte for_key;
  bit ban
};

/* `left` is a number. Of which key's block or pool it is stands here in its place. */
#define OF_BLOCK(key) (key)
#define OF_POOL(key) (2 + (key))
typedef Slot {
  Word word[2];
  byte rule;
  bit blocked;
  byte key;
  byte left
};

Slot slot;
byte now = 1;
byte until[3];  /* by key: blocked as long as now is before */
byte clears;    /* that may still come */

/* The client's call. */
byte want = 0;
bit was_blocked = 0;  /* there was a moment in this call at which its key was blocked */

/* At the end of every step that may make it true. */
#define OBSERVE if :: want != NOBODY && now < until[want] -> was_blocked = 1 :: else fi

proctype clock() {
  do
  :: atomic { now < LAST ->
       now++;
       /* What is over tells nothing. */
       until[A] = (until[A] <= now -> 0 : until[A]);
       until[B] = (until[B] <= now -> 0 : until[B])
     }
  :: now == LAST -> break
  od
}

/* ---- Clients -------------------------------------------------------------------------------- */

#define TAKE(parity) \
  atomic { slot.word[parity].permits > 0 -> \
    assert(!slot.word[parity].ban && slot.word[parity].for_key != NOBODY); \
    slot.word[parity].permits = 0 }

proctype others() {
end_take:
  do
  :: TAKE(0)
  :: TAKE(1)
  od
}

#define MINE(parity) slot.word[parity]
#define LOAD(parity) \
  end[parity] = MINE(parity).end; permits[parity] = MINE(parity).permits; \
  exhausted[parity] = MINE(parity).exhausted
#define SAME(parity) (MINE(parity).end == end[parity] && MINE(parity).permits == permits[parity] && \
                      MINE(parity).exhausted == exhausted[parity])
/* The second look. Whose word it is that says "exhausted" is noted for the assertions. */
#define LOOK(parity) \
  if \
  :: SAME(parity) || NO_SECOND_LOOK -> \
       if \
       :: exhausted[parity] -> for_key[parity] = MINE(parity).for_key; ban[parity] = MINE(parity).ban \
       :: else \
       fi \
  :: else -> goto over \
  fi

/* It checks without end. A swap that is lost and tried again is a check of its own here, and a
 * client that is killed is one that never does its next step. */
proctype client() {
  byte at = 0, end[2], for_key[2], from = 0, rest = 0;
  bit permits[2], exhausted[2], ban[2], blocked = 0;

end_next:
  atomic {
    want = A;  /* the keys are alike */
    /* Of slices, what no clock could make enough is denied by the reading after it alone. */
    if :: at = now :: SLICES -> at = 0 fi;
    OBSERVE
  }
  atomic {
    if
    :: SLICES || MINE(0).end > at -> LOAD(0); from = 0
    :: !SLICES && MINE(1).end > at -> LOAD(1); from = 1
    :: !SLICES && MINE(0).end <= at && MINE(1).end <= at -> goto over  /* a miss */
    fi;
    if :: SLICES :: else -> goto rule fi
  }
  atomic { LOAD(1) }
rule:
  atomic { if :: slot.rule != want && !IDENTITY_NOT_COMPARED -> goto over :: else fi }
  atomic {
    if :: slot.key != want && !IDENTITY_NOT_COMPARED -> goto over :: else fi;
    /* From a word that is open. */
    if
    :: permits[0] > 0 && end[0] > at && at > 0 -> from = 0
    :: permits[1] > 0 && end[1] > at && at > 0 -> from = 1
    :: else ->
         if
         :: (permits[0] > 0 && at == 0) || (permits[1] > 0 && at == 0) -> goto over
         :: else
         fi;
         if
         :: exhausted[0] || exhausted[1] -> goto deny
         :: else -> goto over
         fi
    fi
  }
swap:
  atomic {
    if :: !SAME(from) -> goto over :: else fi;
    /* Nothing is spent of a ban, of another key's pool, or of a key that is blocked. */
    assert(!MINE(from).ban && MINE(from).for_key == want && until[want] == 0);
    MINE(from).permits = 0;
    goto over
  }
deny:
  atomic { if :: BIT_AFTER_SECOND_LOOK :: else -> blocked = slot.blocked fi }
  atomic { if :: REST_AFTER_SECOND_LOOK :: else -> rest = slot.left fi }
look:
  atomic {
    if :: SLICES || from == 0 -> LOOK(0) :: else -> LOOK(1); goto decided fi;
    if :: SLICES :: else -> goto decided fi
  }
  atomic { LOOK(1) }
decided:
  atomic {
    if
    :: BIT_AFTER_SECOND_LOOK -> blocked = slot.blocked
    :: REST_AFTER_SECOND_LOOK -> rest = slot.left
    :: else
    fi;
    if
    :: SLICES ->
         /* The clock after the words: the one that says so is not over. */
         if
         :: exhausted[0] && end[0] > now -> from = 0
         :: exhausted[1] && end[1] > now -> from = 1
         :: !(exhausted[0] && end[0] > now) && !(exhausted[1] && end[1] > now) -> goto over
         fi
    :: else
    fi;
    assert(for_key[from] == want && ban[from] == blocked);
    assert(!blocked || was_blocked);
    /* For how long it tells is of that block, and of no other slot's owner. */
    assert(!blocked || rest == OF_BLOCK(want))
  }
over:
  atomic {
    want = 0; was_blocked = 0; at = 0; from = 0; rest = 0; blocked = 0;
    end[0] = 0; permits[0] = 0; exhausted[0] = 0; for_key[0] = 0; ban[0] = 0;
    end[1] = 0; permits[1] = 0; exhausted[1] = 0; for_key[1] = 0; ban[1] = 0;
    goto end_next
  }
}

/* ---- The daemon ----------------------------------------------------------------------------- */

#define VOID(parity) \
  slot.word[parity].end = 0; slot.word[parity].permits = 0; slot.word[parity].exhausted = 0; \
  slot.word[parity].for_key = 0; slot.word[parity].ban = 0
#define BOTH_OVER (last_end[0] <= now && last_end[1] <= now)
#define LATER_END (last_end[0] < last_end[1] -> last_end[1] : last_end[0])
#define IS_BAN_OF(whose) (owner == NOBODY && slot.rule == whose && slot.key == whose && slot.blocked)
/* Its own slot, or one without an owner in which nothing lives. */
#define MAY_BAN_IN(whose) \
  (IS_BAN_OF(whose) || ((owner == NOBODY || BAN_OVER_OWNER) && (BOTH_OVER || BAN_OVER_LIVE_ENDS)))

/* Blocked keys have no pool: one whose pool is in a slot is blocked when it has been given back. */
#define BLOCK(whose) \
  atomic { owner != whose && until[whose] == 0 && now < LAST -> \
    if :: until[whose] = now + 1 :: until[whose] = now + LONGEST + 1 fi; \
    OBSERVE }
#define BAN(whose) \
  atomic { now < until[whose] && MAY_BAN_IN(whose) -> key = whose; goto ban }
#define CLEAR(whose) atomic { clears > 0 && until[whose] > 0 -> clears--; key = whose; goto lift }
#define POOL(whose) \
  atomic { until[whose] == 0 && (owner == whose || BOTH_OVER) -> key = whose; goto pool }

proctype daemon() {
  /* Its book: whose the slot is, and the ends ever published in its words. */
  byte owner = NOBODY, last_end[2];
  byte key = 0, end = 0, parity = 0;
  bit is_ban = 0;

end_idle:
  if
  :: BLOCK(A)
  :: BLOCK(B)
  :: BAN(A)
  :: BAN(B)
  :: CLEAR(A)
  :: CLEAR(B)
  :: POOL(A)
  :: POOL(B)
  :: atomic { owner != NOBODY -> goto give_back }
  fi;
  goto end_idle;

  /* A word that ends with the block at the latest, if there is none that is as good. */
ban:
  atomic {
    if
    :: end = now + 1
    :: end = now + LONGEST
    fi;
    if
    :: end > until[key] && !BAN_BEYOND_BLOCK -> goto idle
    :: else
    fi;
    if
    :: LATER_END >= end && !BAN_OVER_LIVE_ENDS -> goto idle
    :: else
    fi;
    is_ban = 1;
    parity = (last_end[0] <= last_end[1] -> 0 : 1);
    if
    :: IS_BAN_OF(key) -> goto publish
    :: else -> goto hand_over
    fi
  }
pool:
  atomic {
    if
    :: end = now + 1
    :: end = now + LONGEST
    fi;
    parity = end % 2;
    if
    :: last_end[parity] >= end || end > LAST + 1 -> goto idle
    :: owner == key && last_end[parity] < end && end <= LAST + 1 -> goto publish
    :: else -> owner = NOBODY  /* who had it lets go of it */
    fi
  }

hand_over:
  atomic { if :: VOID_LEFT_OUT && is_ban :: else -> VOID(0) fi }
  atomic { if :: VOID_LEFT_OUT && is_ban :: else -> VOID(1) fi }
  atomic { slot.rule = key; slot.blocked = is_ban && !BIT_AFTER_PUBLISH }
  atomic { slot.key = key }
  atomic {
    slot.left = 0;
    if :: is_ban :: else -> owner = key fi
  }
publish:
  atomic {
    VOID(parity);
    if
    :: is_ban && ENDS_OF_BAN_FORGOTTEN
    :: else -> last_end[parity] = end
    fi
  }
  atomic { slot.left = (is_ban -> OF_BLOCK(key) : OF_POOL(key)) }
  atomic {
    slot.word[parity].end = end; slot.word[parity].for_key = key; slot.word[parity].ban = is_ban;
    if
    :: is_ban -> slot.word[parity].exhausted = 1
    :: !is_ban -> slot.word[parity].permits = 1
    :: !is_ban -> slot.word[parity].exhausted = 1
    fi;
    if :: is_ban && BIT_AFTER_PUBLISH :: else -> goto idle fi
  }
  atomic { slot.blocked = 1; goto idle }  /* only that mistake comes here */

  /* CLEAR is answered when this is done: who begins after that is not denied by the ban. */
lift:
  atomic { if :: IS_BAN_OF(key) && !NEVER_LIFTED :: else -> until[key] = 0; goto idle fi }
  atomic {
    if
    :: BIT_ALONE_WRITTEN -> slot.blocked = 0; until[key] = 0; goto idle
    :: LIFTED_WITHOUT_VOID
    :: else -> VOID(0)
    fi
  }
  atomic { if :: LIFTED_WITHOUT_VOID :: else -> VOID(1) fi }
  atomic { slot.rule = NOBODY; slot.blocked = 0 }
  atomic { slot.key = NOBODY; until[key] = 0 }
  atomic { slot.left = 0; goto idle }

give_back:
  atomic { VOID(0) }
  atomic { VOID(1) }
  atomic { slot.rule = NOBODY; slot.blocked = 0 }
  atomic { slot.key = NOBODY }
  atomic { slot.left = 0; owner = NOBODY; goto idle }

idle:
  atomic { key = 0; end = 0; parity = 0; is_ban = 0; goto end_idle }
}

init {
  atomic {
    clears = CLEARS;
    run clock(); run daemon(); run others(); run client()
  }
}
