"""Development only, never packed: how the shop gets into an account, and how that is rehearsed here.

stage.py      what `.chalice/config.json` says of one stage, and every name that follows from it
bundle/       the zip that Lambda runs: Chalice's, trimmed, precompiled, the same bits each time
template/     the CloudFormation template: Chalice's, with tables, policies, queues, versions, alarms and edge
package.py    both together: `make package`; lint.py: checked as CloudFormation gets it
cloud.py      the clients of one account and region
secret/       the stage's secret: filled, changed, its keys rotated
release/      from a package to a shop that runs it: refused, laid, checked, shifted, rolled back
doctor/       what is missing, and what to do about it
restore/      tables brought back from a point in time
rehearse/     all of it against a local emulator, with the sandbox WeChat and the whole demo
"""
