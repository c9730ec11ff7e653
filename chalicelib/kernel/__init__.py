"""What every domain may use: errors, money, time, ids, paging, parts on demand. Pure: no I/O, standard library only."""
