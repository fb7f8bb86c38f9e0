package org.mouselift.pipeline.verify;

import java.io.IOException;
import java.util.List;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;

/**
 * Recomputes golden cases of one layout. Registered in {@code META-INF/services} by class name; needs a public
 * no-argument constructor. A verifier recognises a case by what the index and the file say (folder name, kind, tensor
 * names, keys), never by where the folder lies, and takes every number from them.
 */
public interface CaseVerifier {
    /** True if {@link #verify} can check this file of the folder. Must not read more than the index. */
    boolean knows(GoldenFolder folder, String file) throws GoldenException;

    /**
     * Recomputes the case and compares. Every tensor of {@link GoldenCase#expected} must be compared, or named in a
     * {@link CheckResult#skipped} or {@link CheckResult#fail} result: what is left out is reported as a failure. An
     * exception fails the case.
     */
    List<CheckResult> verify(GoldenCase c) throws IOException;
}
