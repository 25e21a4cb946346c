"""Where everything lies in the flat arrays of a run: offsets in 8-byte words.

A run is one buffer of 8-byte words, read as int64 ``X``, float64 ``F`` and uint64 ``U`` (views of
the same memory), so that one copy of the buffer clones the run. What never changes lies in a second
buffer, read as int64 ``P`` and float64 ``G``. Names below say which view a word is read by: ``(f)``
is a float. A *slot* is one attempt; a slot is named by its word offset, 0 is no slot.
"""

# An offset read from memory is masked with this where it matters: the compiler then knows that it is
# not negative and leaves out Python's indices from the end (a sixth of the time of an event).
PLACE = 0x7FFFFFFFFF

# --- run: header (words 0 .. HEADER-1 of X) -------------------------------------------------------
RNG = 0  # 4 words of xoshiro256++
NOW = 4  # (f) [s]
FREE = 5  # head of the list of free slots
FREE_LEFT = 6  # length of that list
HEAP = 7  # root of the heap of waits that end in no fixed order
STACK_FILL = 8  # pending operations within one event
NEXT_BREAK = 9  # index of the next change of speeds
GRID_INDEX = 10  # samples taken so far
ROW_FILL = 11  # samples in the chunk not yet collected
LOG_FILL = 12  # log lines in the chunk not yet collected
NEXT_ID = 13  # number of the next request
SINCE = 14  # (f) start of the present interval of the time integrals [s]
LOW = 15  # (f) stop when the watched score is at or below
HIGH = 16  # (f) stop when the watched score is at or above
EVENTS = 17  # events so far
SCRATCH = 18  # a float written here is read back as its bits
UNTIL = 19  # (f) when to come back [s]
STARTED = 20  # whether the first arrivals are drawn
LATENCY_WINDOW = 21  # row of the latency sketch
HEADER = 24

# --- run: one block per server --------------------------------------------------------------------
PRESENT = 0  # attempts at the server, waiting and in service
BUSY = 1  # threads taken
ATTEMPTS = 2
IN_TIME = 3
LATE = 4
FAILED = 5
EXPIRED = 6
CACHE_HITS = 7
DROPPED = 8  # + reason
FULL, THRESHOLD, TOKEN, CONCURRENCY, CODEL = 0, 1, 2, 3, 4
AREA_PRESENT = 13  # (f) integral of PRESENT up to SINCE [attempt s]
AREA_BUSY = 14  # (f)
SOJOURN = 15  # (f) time at the server, summed over the attempts that left it [s]
SERVER_OBSERVED = 16  # the words above are sampled
QUEUE_HEAD = 16
QUEUE_TAIL = 17
SERVED = 18  # the slot in service (one thread), or the root of the heap of those in service
WORK_DONE_AT = 19  # (f) time of the last change of speed [s]
WORK_DONE = 20  # (f) work a thread could have done by then [s at full speed]
SPEED = 21  # (f)
MOVED_PRESENT = 22  # (f) sum of (change of PRESENT) x (time since SINCE)
MOVED_BUSY = 23  # (f)
TOKENS = 24  # (f) token bucket
TOKENS_AT = 25  # (f) [s]
FIRST_ABOVE = 26  # (f) CoDel: when dropping may begin [s]; 0 when waits are short
DROP_NEXT = 27  # (f) [s]
DROP_COUNT = 28
LAST_COUNT = 29
DROPPING = 30
DROPPED_NOW = 31  # CoDel: 1 after a drop in this dequeue, 2 after the first of an episode
SERVER_WORDS = 32

# --- run: one block per stream (a source, or a call) ----------------------------------------------
REQUESTS = 0
SENT_ATTEMPTS = 1
TIMEOUTS = 2
RETRIES = 3  # + origin
AFTER_LATE, AFTER_DROP, AFTER_REFUSAL, AFTER_FAILURE = 0, 1, 2, 3
ANSWERED = 7
ANSWERED_LATE = 8
REQUESTS_FAILED = 9
DENIED_BY_BUDGET = 10
DENIED_BY_BREAKER = 11
AWAY = 12  # requests with attempts left and none of them alive at a server
LATENCY = 13  # (f) sum over answered requests [s]
STREAM_OBSERVED = 14
TIMER_HEAD = 14
TIMER_TAIL = 15
BACKOFF_HEAD = 16
BACKOFF_TAIL = 17
BUDGET = 18  # (f) tokens
BREAKER_STATE = 19
CLOSED, OPEN, HALF_OPEN = 0, 1, 2
OPEN_UNTIL = 20  # (f) [s]
EPOCH = 21  # attempts sent in another epoch say nothing to the breaker
WINDOW_FILL = 22
WINDOW_FAILS = 23
WINDOW_AT = 24
PROBES_SENT = 25
PROBES_GOOD = 26
PHASE = 27  # state of the arrival process, or index in the trace
FACTOR = 28  # (f) arrival rate over normal
WARP_AT = 29  # (f) time of the last change of FACTOR [s]
WARP = 30  # (f) the trace's own time then [s]
STREAM_WORDS = 32

# --- run: one slot per attempt --------------------------------------------------------------------
NEXT, PREV = 0, 1  # in the list of timers, of backoffs, or of free slots
QNEXT, QPREV = 2, 3  # in a server's queue; left and right in a heap
TAG = 4  # first sample after it was sent << 32 | stream << 16 | attempt << 8 | flags
LOW_WORD = 0xFFFFFFFF
MOST_STREAMS = 0xFFFF
LIVE, AT_SERVER, BACKING_OFF, CANCELLED = 1, 2, 4, 8
SENT = 5  # (f) [s]
BORN = 6  # (f) when the request began [s]
KEY = 7  # (f) when its service or its wait is over
NARROW = 8  # words of a slot that needs no more
PARENT = 8  # the caller's slot; 0 for a source, -1 for a call nobody waits for
PARENT_LIFE = 9
LIFE = 10  # how many attempts this slot has held: tells a caller from its successor
PENDING = 11  # calls not yet answered
CACHE_KEY = 12
REQUEST = 13  # slot that stands for the request, where late responses are accepted
ID = 14
SENT_EPOCH = 15
WIDE = 16
# a slot that stands for a request: its newest attempt, how many refer to it, is it open
NEWEST, REFERENCES, IS_OPEN = QNEXT, QPREV, TAG

# --- program: header ------------------------------------------------------------------------------
N_SERVERS = 0
N_STREAMS = 1
N_SOURCES = 2
N_CLOCKS = 3
N_BREAKS = 4
MARGIN = 5  # slots that one event may take
P_SERVERS = 6
P_STREAMS = 7
P_WORKS = 8
P_BREAKS = 9
X_CLOCKS = 10
X_STACK = 11
X_SERVERS = 12
X_STREAMS = 13
X_SLOTS = 14
STEP = 15  # (f) sampling step [s]; inf for none
SAMPLES_PER_WINDOW = 16  # samples to a row of the latency sketch
P_WATCH = 17  # weights of the watched score
P_SCORE = 18  # table of the watched score; 0 for none
P_HEADER = 19

# --- program: one block per server ----------------------------------------------------------------
QSIZE = 0
THREADS = 1
DISCIPLINE = 2
FIFO, LIFO, ADAPTIVE = 0, 1, 2
ADAPTIVE_FROM = 3
ADMISSION = 4  # 0 none, else 1 + drop reason
ADMIT_A = 5  # (f) threshold | tokens/s | target [s] | limit
ADMIT_B = 6  # (f) probability | burst | interval [s]
DROP_EXPIRED = 7
FAIL_FAST = 8
SLOW_BY = 9  # 0 none, 1 queue, 2 in service
SLOW_A = 10  # (f)
SLOW_SCALE = 11  # (f)
SLOW_POWER = 12  # (f)
CACHE_KEYS = 13
CACHE_TTL = 14  # (f) [s]
X_CACHE = 15  # expiry times (f) in the run's buffer
P_SERVER_WORDS = 16

# --- program: one block per stream ----------------------------------------------------------------
SERVER = 0
WORK = 1
TIMEOUT = 2  # (f) [s]
MAX_RETRIES = 3
WAITS = 4
BACKOFF = 5
AT_ONCE, FIXED, DRAWN = 0, 1, 2
BASE = 6  # (f) [s]
MULTIPLIER = 7  # (f)
CAP = 8  # (f) [s]
JITTER = 9  # (f)
ACCEPTS = 10
HAS_BUDGET = 11
BUDGET_RATIO = 12  # (f)
BUDGET_BURST = 13  # (f)
WINDOW = 14  # 0: no breaker
TRIP = 15  # failures in a window that open it
OPEN_FOR = 16  # (f) [s]
PROBES = 17
X_WINDOW = 18
ARRIVALS = 19
POISSON, PHASES, MIXTURE, MACHINE, TRACE = 0, 1, 2, 3, 4
RATE = 20  # (f) [1/s]; for other processes than Poisson: time scale
P_TABLE = 21
TABLE_SIZE = 22
ORBIT_COLUMN = 23  # first column of this stream's orbit
P_STREAM_WORDS = 24

# --- program: one block per piece of work ---------------------------------------------------------
LAW = 0
EXPONENTIAL, DETERMINISTIC, ERLANG, HYPER, LOGNORMAL, WEIBULL, PARETO, EMPIRICAL = range(8)
MEAN = 1  # (f) [s]
LAW_A = 2  # (f)
P_LAW = 3
LAW_SIZE = 4
FIRST_CALL = 5  # stream of its first call
N_CALLS = 6
N_WAITS = 7
P_WORK_WORDS = 8

# --- table of the watched score: its size, the linear scores that bound its inside, and its end ----
SCORE_ROWS = 0  # by attempts at the servers
SCORE_COLUMNS = 1  # by requests under way
SCORE_LOW = 2  # (f) at or below: the score is -1
SCORE_HIGH = 3  # (f) at or above: the score is SCORE_TOP
SCORE_TOP = 4  # (f)
SCORE_TABLE = 5  # (f) row by row

# --- a change of speed: time (f), kind 0 source 1 server, index, factor (f) -----------------------
BREAK_WORDS = 4

# --- a line of the request log: id, stream, attempts, outcome, start (f), end (f) -----------------
LOG_WORDS = 6
OUT_ANSWERED, OUT_LATE, OUT_FAILED = 0, 1, 2

# --- why `advance` came back ----------------------------------------------------------------------
DONE, NEED_SLOTS, ROWS_FULL, LOG_FULL, STOPPED = 0, 1, 2, 3, 4

# --- clocks: order settles ties -------------------------------------------------------------------
# break, done x servers, timeout x streams, backoff x streams, heap, arrival x sources, tick

# --- latency sketch -------------------------------------------------------------------------------
SUB_BITS = 5  # 32 buckets an octave: a bucket is at most 3.1 % wide
LOWEST_EXPONENT = -20  # below a microsecond is as good as a microsecond
OCTAVES = 40
BUCKETS = OCTAVES << SUB_BITS

# --- what is to be done within an event -----------------------------------------------------------
NOTHING, OWN_WORK_DONE, LEAVE, ANSWER, GIVE_UP, SEND, SERVE_NEXT, START = range(8)
LOST = 8  # + origin of the loss
