"""Tests of tools/get-data on small sets of our own, by file:// and by a server that cuts and lies."""

import contextlib
import hashlib
import http.server
import importlib.machinery
import importlib.util
import io
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "get-data"
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("get_data", str(TOOL))
get_data = importlib.util.module_from_spec(importlib.util.spec_from_loader("get_data", loader))
loader.exec_module(get_data)


def sum_of(content):
    return hashlib.sha256(content).hexdigest()


class GetData(unittest.TestCase):
    FILES = {"images.gz": b"some images" * 30000, "labels.gz": b"some labels"}

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.mirror = pathlib.Path(scratch.name) / "mirror"
        self.out = pathlib.Path(scratch.name) / "a" / "b"
        self.mirror.mkdir()
        for name, content in self.FILES.items():
            (self.mirror / name).write_bytes(content)
        sums = {name: sum_of(content) for name, content in self.FILES.items()}
        get_data.SETS = {"files": get_data.Set(sums, ["file:///nowhere", self.mirror.as_uri()])}

    def get(self, name="files", mirrors=None):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            get_data.get(name, self.out, mirrors)
        return said.getvalue()

    def listed(self):
        return {path.name: path.read_bytes() for path in self.out.iterdir()}

    def test_the_second_mirror_is_tried_and_what_is_right_is_kept(self):
        self.assertIn("images.gz: from file://", self.get())
        self.assertEqual(self.listed(), self.FILES)
        (self.out / "labels.gz").write_bytes(b"damaged")
        again = self.get()
        self.assertIn("images.gz: is there", again)
        self.assertIn("labels.gz: from file://", again)
        self.assertEqual(self.listed(), self.FILES)

    def test_either_of_two_sums_will_do(self):
        get_data.SETS["files"].files["labels.gz"] += " " + sum_of(b"packed anew")
        (self.mirror / "labels.gz").write_bytes(b"packed anew")
        self.get()
        self.assertEqual(self.listed()["labels.gz"], b"packed anew")
        self.assertIn("labels.gz: is there", self.get())

    def test_a_file_with_another_sum_is_refused_and_leaves_nothing(self):
        (self.mirror / "labels.gz").write_bytes(b"other labels")
        with self.assertRaisesRegex(get_data.Refused, "(?s)no mirror has labels.gz.*its SHA-256 is "):
            self.get()
        self.assertEqual(list(self.listed()), ["images.gz"])

    def test_a_transfer_that_ends_early_is_refused(self):
        content = self.FILES["images.gz"]

        class Cut(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2])

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cut)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        with self.assertRaisesRegex(get_data.Refused, "no mirror has images.gz"):
            self.get(mirrors=[f"http://127.0.0.1:{server.server_port}"])
        self.assertEqual(self.listed(), {})

    def test_files_of_an_archive_are_unpacked_and_checked(self):
        archive = self.mirror / "all.tar.gz"
        with tarfile.open(archive, "w:gz") as packed:
            for name in self.FILES:
                packed.add(self.mirror / name, f"folder/{name}")
            packed.add(TOOL, "folder/../../outside")
        sums = {name: sum_of(content) for name, content in self.FILES.items()}
        get_data.SETS["packed"] = get_data.Set(sums, [self.mirror.as_uri()], ("all.tar.gz", get_data.sum_of(archive)))
        self.assertIn("labels.gz: unpacked", self.get("packed"))
        self.assertEqual(self.listed(), self.FILES)
        archive.unlink()
        self.assertIn("is there", self.get("packed"))  # needs no mirror
        (self.out / "labels.gz").unlink()
        with self.assertRaisesRegex(get_data.Refused, "no mirror has all.tar.gz; is there a network"):
            self.get("packed")
        self.assertEqual(list(self.listed()), ["images.gz"])

    def test_the_command_line_ends_in_one_error(self):
        nowhere = subprocess.run([sys.executable, TOOL, "mnist", self.out, "--mirror", "file:///nowhere"],
                                 capture_output=True, text=True, check=False)
        self.assertEqual(nowhere.returncode, 1)
        self.assertIn("get-data: no mirror has train-images-idx3-ubyte.gz; is there a network?", nowhere.stderr)
        self.assertIn("file:///nowhere/train-images-idx3-ubyte.gz: ", nowhere.stderr)
        self.assertNotIn("Traceback", nowhere.stderr)
        unknown = subprocess.run([sys.executable, TOOL, "imagenet"], capture_output=True, text=True, check=False)
        self.assertEqual(unknown.returncode, 2)
        self.assertIn("invalid choice: 'imagenet'", unknown.stderr)
        no_directory = subprocess.run([sys.executable, TOOL, "mnist", self.mirror / "labels.gz"], capture_output=True,
                                      text=True, check=False)
        self.assertEqual(no_directory.returncode, 1)
        self.assertIn("get-data: ", no_directory.stderr)
        self.assertNotIn("Traceback", no_directory.stderr)


if __name__ == "__main__":
    unittest.main()
