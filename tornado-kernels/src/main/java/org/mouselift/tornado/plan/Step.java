package org.mouselift.tornado.plan;

import java.util.List;

/** One step of a plan, in order of execution. */
public sealed interface Step permits Launch, LibraryProduct, HostStep {
    List<Block> reads();

    List<Block> writes();

    String path();

    String operation();
}
