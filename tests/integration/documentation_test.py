"""The table of docs/pods.md: each field that it names is named by a test, so that a row is never only words."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve()


def rows():
    """Field names and what is said of them, of each row of each table."""
    for line in (ROOT / "docs" / "pods.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 3 and cells[1] in ("yes", "differs", "refused"):
            yield re.findall(r"`([^`]+)`", cells[0]), cells[1]


def test_texts():
    files = [*(ROOT / "src").rglob("*_test.cc"), *(ROOT / "tests").rglob("*_test.py")]
    return "\n".join(path.read_text() for path in files if path != HERE)


class Rows(unittest.TestCase):
    maxDiff = None

    def test_there_are_rows(self):
        self.assertGreater(len(list(rows())), 70)

    def test_each_field_is_named_by_a_test(self):
        text = test_texts()
        words = set(re.findall(r"[A-Za-z0-9]+", text))
        missing = []
        for names, verdict in rows():
            for name in names:
                parts = [part for part in re.split(r"[.*]+", name) if part]
                if not set(re.split(r"\W+", parts[-1])) - {""} <= words:
                    missing.append(f"{name} ({verdict})")
        self.assertEqual(missing, [])


if __name__ == "__main__":
    unittest.main()
