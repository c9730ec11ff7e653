"""The fault harness: every use case, stopped at each of its steps, and what must be true of the shop afterwards.

    engine.py      the engine inside this process, each request in our hands
    strikes.py     what goes wrong, at which step; steps are found by counting
    world.py       the shop, its WeChat and the clock: one thread, one seed, so that all can be played again
    people.py      members, who ask again or give up
    staging.py     the wires in our hands, and what all lives begin with
    driver.py      what goes on beside the shoppers: schedules, streams, callbacks; until nothing is due
    invariants/    what must be true in the end
    usecases/      what shoppers and staff do
    playing.py     one use case, one strike, one seed

`make faults` plays all of it and prints a report. JISHI_FAULT="<use case> <step> <mode> <seed>" plays one again.
"""
