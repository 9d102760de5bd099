def counter():
    n = 0
    def add(k):
        nonlocal n
        n += k
        return n
    return add
def main():
    add = counter()
    s = 0
    for i in range(1, 5000001):
        s = add(i)
    print(s)
main()
