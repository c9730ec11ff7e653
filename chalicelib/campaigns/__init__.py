"""Campaigns: activities of several kinds behind one registry.

base.py      what a kind promises, and the words shared by all: activity, choice, outcome
store.py     table `activities`
kinds.py     KINDS: the registry; a new kind is a folder and a line there
service.py   applies outcomes; the only room here that knows orders and payments
groupbuy/, bargain/   the kinds
"""
