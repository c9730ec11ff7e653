"""`make rehearse`: the shop is deployed into an AWS on this machine, and everything is tried that a release may meet.

__main__.py   the acts in their order, what is left of them; report.py: the table at the end, or the last words
opening.py    puts the world up and takes it down; world.py: what every act works with
journey.py    acts: a day in the shop's life
releases.py   acts: releases that go well and releases that do not; prober.py: a shopper who never stops asking
emulator.py   the AWS: enforces IAM, runs functions in processes of their own; closure.py and runtime/ keep them apart
function_processes.py   what those were given, and what that lets them do
project.py    a copy of the project with a stage `rehearsal`, for releases that change it
front.py      the shop's own domain in front of its API
bridge.py     EventBridge at the sandbox's clock
"""
