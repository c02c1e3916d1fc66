# Sorts, formats, matches and calls: what scripts do.
import re
import sys


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


for turn in range(int(sys.argv[1])):
    numbers = sorted((i * 7919 + turn) % 10007 for i in range(20000))
    words = ["%d:%s" % (number, "x" * (i % 7)) for i, number in enumerate(numbers[:2000])]
    print(sum(int(word) for word in re.findall(r"\d+", ",".join(words))), fib(15))
