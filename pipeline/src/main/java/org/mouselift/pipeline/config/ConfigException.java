package org.mouselift.pipeline.config;

import java.io.IOException;
import java.util.List;

/** A configuration cannot be used. All problems that were found are listed, not only the first. */
public class ConfigException extends IOException {
    private static final long serialVersionUID = 1L;

    private final transient List<String> problems;

    public ConfigException(String name, List<String> problems) {
        super(problems.size() == 1 ? problems.getFirst()
                : name + ": " + problems.size() + " problems:\n  " + String.join("\n  ", problems));
        this.problems = List.copyOf(problems);
    }

    /** One line each, with file, line, key, value and expectation. */
    public List<String> problems() {
        return problems;
    }
}
