import re

from zoo import errors


def test_the_drawing_shows_the_family_as_it_is():
    rows = re.findall(r"^\|([ |+-]*)(\w+) +\|", errors.__doc__ or "", re.MULTILINE)
    drawn, above = {}, []
    for indent, name in rows:
        if name == "class":
            continue
        depth = len(indent) // 3
        above[depth:] = [name]
        drawn[name] = above[depth - 1] if depth else "Exception"
    family = {
        name: each.__bases__[0].__name__
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, errors.ZooError)
    }
    assert drawn == family


def test_a_hint_is_a_line_of_its_own():
    assert str(errors.DataError("no pictures in x", "give a folder a class")) == (
        "no pictures in x\n  hint: give a folder a class"
    )
    assert errors.DataError("x").exit_code == 2
    assert errors.ParityFailure("x").exit_code == 1
