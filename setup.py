"""Packaging for customocr; everything that can change stands in settings.ini."""

from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
LICENCES = {"apache2": "Apache-2.0"}

config = ConfigParser(delimiters=["="])
config.read(HERE / "settings.ini", encoding="utf8")
settings = config["DEFAULT"]


def listed(key: str) -> list[str]:
    "The lines of a setting that holds one item a line."
    return [line.strip() for line in settings[key].splitlines() if line.strip()]


extras = {
    name: listed(f"{name}_requirements")
    for name in ("train", "teach", "pdf", "cluster", "ocrmypdf")
}
extras["dev"] = sorted(
    {line for lines in extras.values() for line in lines} | set(listed("dev_requirements"))
)
setup(
    name=settings["lib_name"],
    version=settings["version"],
    description=settings["description"],
    long_description=(HERE / "README.md").read_text(encoding="utf8")
    if (HERE / "README.md").exists()
    else "",
    long_description_content_type="text/markdown",
    author=settings["author"],
    license=LICENCES[settings["license"]],
    keywords=settings["keywords"].split(),
    classifiers=listed("classifiers"),
    url=settings["doc_host"] + settings["doc_baseurl"],
    project_urls=dict(line.split(" = ") for line in listed("project_urls")),
    python_requires=f">={settings['min_python']}",
    packages=find_packages(include=["customocr", "customocr.*"]),
    package_data={
        "customocr": [
            "py.typed",
            "models/*.onnx",
            "models/*.json",
            "models/*.npz",
            "models/*.md",
            "schema/*.json",
            "samples/*.*",
            "samples/*/*.*",
        ]
    },
    install_requires=listed("requirements"),
    extras_require=extras,
    entry_points={"console_scripts": listed("console_scripts")},
    zip_safe=False,
)
