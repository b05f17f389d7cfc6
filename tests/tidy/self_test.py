#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checkers refuse what they are there to refuse, and nothing else."""
import pathlib
import stat
import tempfile
import unittest

import layering
import text_rules

_LAYERS = "base ->\nnet -> base\nagent -> base net\n<boost/beast : net/*.cc\n<boost/ : net agent\n"
_HEAD = "// SPDX-License-Identifier: Apache-2.0\n"


def _layer_violations(path, text, own=()):
    return list(layering.Layers(_LAYERS).violations(pathlib.Path(path), text, set(own)))


class LayeringTest(unittest.TestCase):
    def test_lets_pass_what_the_table_allows(self):
        text = '#include <vector>\n#include <net/if.h>\n#include "base/error.h"\n#include "net/x.h"\n'
        self.assertEqual(_layer_violations("net/x.cc", text), [])
        self.assertEqual(_layer_violations("net/x.cc", "#include <boost/beast/http.hpp>\n"), [])

    def test_refuses_an_include_upwards(self):
        self.assertIn("base may not include net", _layer_violations("base/x.h", '#include "net/x.h"\n')[0])

    def test_refuses_a_path_that_does_not_begin_at_the_root(self):
        self.assertIn("full path", _layer_violations("net/x.cc", '#include "x.h"\n')[0])
        self.assertIn("full path", _layer_violations("net/x.cc", '#include "../base/x.h"\n')[0])

    def test_refuses_our_headers_in_angle_brackets(self):
        found = _layer_violations("net/x.cc", "#include <base/error.h>\n", {"base/error.h"})
        self.assertIn("is ours", found[0])

    def test_refuses_a_source_that_does_not_include_its_own_header_first(self):
        text = '#include <vector>\n#include "net/x.h"\n'
        self.assertIn("first include", _layer_violations("net/x.cc", text, {"net/x.h"})[0])
        self.assertEqual(_layer_violations("net/x.cc", '#include "net/x.h"\n', {"net/x.h"}), [])

    def test_refuses_foreign_headers_outside_their_door(self):
        self.assertTrue(_layer_violations("net/x.h", "#include <boost/beast/http.hpp>\n"))
        self.assertTrue(_layer_violations("agent/x.cc", "#include <boost/beast/http.hpp>\n"))
        self.assertTrue(_layer_violations("base/x.cc", "#include <boost/asio/post.hpp>\n"))

    def test_refuses_a_folder_that_the_table_does_not_name(self):
        self.assertIn("says nothing", _layer_violations("utils/x.cc", "")[0])


class TextRulesTest(unittest.TestCase):
    def setUp(self):
        self._scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self._scratch.cleanup)
        self.root = pathlib.Path(self._scratch.name)
        self.write("CMakeLists.txt", "# SPDX-License-Identifier: Apache-2.0\n")

    def write(self, path, content, executable=False):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        if executable:
            file.chmod(file.stat().st_mode | stat.S_IXUSR)

    def refusals(self):
        return list(text_rules.violations(self.root))

    def assert_one(self, part):
        self.assertEqual([part in refusal for refusal in self.refusals()], [True], self.refusals())

    def test_lets_a_good_tree_pass(self):
        self.write("base/CMakeLists.txt", "# SPDX-License-Identifier: Apache-2.0\nx.cc sub/y.cc\n")
        self.write("base/x.cc", _HEAD + "int a;\n")
        self.write("base/sub/y.cc", _HEAD + "int b;\n")
        self.write("workers/image/commands/z.cc", _HEAD)
        self.write("run.sh", "#!/bin/bash\n# SPDX-License-Identifier: Apache-2.0\n", executable=True)
        self.write("README.md", "[code](base/x.cc#L1) [site](https://example.org) [here](#part)\n")
        self.write("build/junk.cc", "\t")
        self.assertEqual(self.refusals(), [])

    def test_refuses_a_file_without_the_licence_line(self):
        self.write("base/x.h", "#pragma once\n")
        self.assert_one("no SPDX line")

    def test_refuses_work_left_for_later(self):
        self.write("base/x.h", _HEAD + "// TO" + "DO: more\n")
        self.assert_one("x.h:2: work left for later")

    def test_refuses_paths_of_one_machine_but_not_relative_ones(self):
        self.write("base/x.h", _HEAD + "// see docs/work/x and $HOME/work/y\n")
        self.assertEqual(self.refusals(), [])
        self.write("base/x.h", _HEAD + '// "/wo' + 'rk/x"\n')
        self.assert_one("a path of one machine")

    def test_refuses_shared_temporary_files_and_sleep_in_tests(self):
        self.write("tests/x.h", _HEAD + '// "/tm' + 'p/x"\n')
        self.assert_one("temporary folder of its own")
        self.write("tests/x.h", _HEAD + "std::this_thread::sleep" + "_for(s);\n")
        self.assert_one("does not sleep")
        self.write("tests/x.h", _HEAD + "while (!condition()) {\n  sleep" + "_for(s);\n}\n")
        self.assertEqual(self.refusals(), [])

    def test_refuses_tabs_blanks_and_odd_ends(self):
        for text, part in (("int\ta;\n", "tabs"), ("int a; \n", "trailing"), ("int a;", "line break"),
                           (b"// \xff\n", "UTF-8")):
            content = text if isinstance(text, bytes) else text.encode()
            self.write("base/x.h", _HEAD.encode() + content)
            self.assert_one(part)

    def test_refuses_files_beyond_the_limit(self):
        self.write("base/x.h", _HEAD + "\n" * 700)
        self.assert_one("701 lines")

    def test_refuses_a_source_that_nothing_compiles(self):
        self.write("tests/base/CMakeLists.txt", "# SPDX-License-Identifier: Apache-2.0\nmax_test.cc\n")
        self.write("tests/base/x_test.cc", _HEAD)
        self.assert_one("tests/base/x_test.cc: no CMakeLists.txt names it")

    def test_refuses_links_to_nothing(self):
        self.write("README.md", "[x](docs/x.md)\n")
        self.assert_one("docs/x.md, which does not exist")

    def test_refuses_scripts_that_cannot_be_executed(self):
        self.write("run.sh", "#!/bin/bash\n# SPDX-License-Identifier: Apache-2.0\n")
        self.assert_one("executable bit")


if __name__ == "__main__":
    unittest.main()
