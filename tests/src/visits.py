# Run by gdb: breakpoints on the places of RDB_PLACES (FILE:LINE, comma-separated), the program
# run to its end, and one line of RDB_OUT per stop: the place.
import os
import gdb


def main():
    gdb.execute("set pagination off")
    gdb.execute("set breakpoint pending off")
    gdb.execute("handle all nostop noprint pass", to_string=True)
    place_of = {}
    for place in os.environ["RDB_PLACES"].split(","):
        place_of[gdb.Breakpoint(place).number] = place
    hits = []
    gdb.events.stop.connect(lambda event: hits.extend(
        place_of[each.number] for each in getattr(event, "breakpoints", [])))
    gdb.execute("run", to_string=True)
    while gdb.selected_inferior().pid:
        gdb.execute("continue", to_string=True)
    with open(os.environ["RDB_OUT"], "w") as out:
        out.write("".join(hit + "\n" for hit in hits))


gdb.execute("set confirm off")
main()
