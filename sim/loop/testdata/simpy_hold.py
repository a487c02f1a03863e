"""The hold model on SimPy: so many processes, each of which yields one exponential timeout after another.

    python3 simpy_hold.py PENDING EVENTS

prints the version and the timeouts per second. The exponentials are drawn beforehand, as in simpy_test.go. Python's
garbage collector, which would look at all processes again and again and find nothing, is off, to SimPy's advantage.
"""

import gc
import random
import sys
import time

import simpy


def hold(env, ahead, i):
    while True:
        yield env.timeout(ahead[i & 0xFFFF])
        i += 1


def main():
    gc.disable()
    pending, events = int(sys.argv[1]), int(sys.argv[2])
    draw = random.Random(1)
    ahead = [draw.expovariate(1) for _ in range(1 << 16)]
    env = simpy.Environment()
    for i in range(pending):
        env.process(hold(env, ahead, i))
    for _ in range(pending):  # their beginnings
        env.step()
    begun = time.perf_counter()
    for _ in range(events):
        env.step()
    print(simpy.__version__, events / (time.perf_counter() - begun))


if __name__ == "__main__":
    main()
