package org.mouselift.tornado.plan;

import java.util.List;

/**
 * One run of one kernel.
 *
 * @param kernel name in the catalogue of kernels
 * @param reads blocks that must have been written before
 * @param writes blocks that it writes
 * @param path state-dict path of the module it computes for
 * @param operation what it computes, for listings and errors
 */
public record Launch(String kernel, Grid grid, Arguments arguments, List<Block> reads, List<Block> writes, String path, String operation) implements Step {
    public Launch {
        reads = List.copyOf(reads);
        writes = List.copyOf(writes);
    }
}
