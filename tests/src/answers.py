# Run by gdb: stops at a line and writes what gdb answers to commands, as JSON.
# Takes RDB_PLACE (FILE:LINE), RDB_HIT (which visit, from 1), RDB_COMMANDS (one a line) and
# RDB_OUT from the environment of gdb.
import json
import os
import gdb


def answer(command):
    try:
        return gdb.execute(command, to_string=True)
    except gdb.error as error:
        return "error: %s" % error


def main():
    gdb.execute("set pagination off")
    gdb.execute("set confirm off")
    gdb.execute("set width 0")
    gdb.execute("break " + os.environ["RDB_PLACE"], to_string=True)
    gdb.execute("run", to_string=True)
    for _ in range(int(os.environ["RDB_HIT"]) - 1):
        gdb.execute("continue", to_string=True)
    commands = os.environ["RDB_COMMANDS"].split("\n")
    answers = [answer(command) for command in commands]
    with open(os.environ["RDB_OUT"], "w") as out:
        json.dump(answers, out)
    gdb.execute("kill", to_string=True)


main()
