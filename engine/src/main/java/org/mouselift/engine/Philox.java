package org.mouselift.engine;

/**
 * Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). A value
 * depends only on (seed, stream, position), so draws can be skipped, repeated and split over threads.
 */
public final class Philox implements java.util.random.RandomGenerator {
    private final int key0;
    private final int key1;
    private final int stream0;
    private final int stream1;
    private long position;

    /** A sequence; different streams of one seed are independent. */
    public Philox(long seed, long stream) {
        key0 = (int) seed;
        key1 = (int) (seed >>> 32);
        stream0 = (int) stream;
        stream1 = (int) (stream >>> 32);
    }

    /** Number of 32-bit values drawn so far. */
    public long position() {
        return position;
    }

    /** Continues at a position, e.g. one saved in a checkpoint. */
    public void position(long newPosition) {
        if (newPosition < 0) {
            throw new EngineException("Philox position " + newPosition + " is negative");
        }
        position = newPosition;
        block = null;
    }

    private int[] block;
    private long blockIndex;

    /** 64 uniform bits. */
    @Override
    public long nextLong() {
        return (long) nextInt() << 32 | nextInt() & 0xFFFFFFFFL;
    }

    /** 32 uniform bits. */
    @Override
    public int nextInt() {
        long index = position >>> 2;
        if (block == null || blockIndex != index) {
            block = block(index);
            blockIndex = index;
        }
        return block[(int) (position++ & 3)];
    }

    /** Uniform in [0, 1), 53 bits. */
    @Override
    public double nextDouble() {
        long high = nextInt() & 0xFFFFFFFFL;
        long low = nextInt() & 0xFFFFFFFFL;
        return (((high << 32) | low) >>> 11) * 0x1p-53;
    }

    /** Uniform in [low, high). */
    public double uniform(double low, double high) {
        return low + (high - low) * nextDouble();
    }

    /** Uniform in {0, …, bound - 1}, without modulo bias. */
    public int below(int bound) {
        if (bound <= 0) {
            throw new EngineException("Philox.below: bound " + bound + " must be positive");
        }
        long threshold = (1L << 32) % bound;
        while (true) {
            long x = nextInt() & 0xFFFFFFFFL;
            if (x >= threshold) {
                return (int) (x % bound);
            }
        }
    }

    /** Standard normal (Box–Muller; two uniforms a draw, so that the position alone is the state). */
    @Override
    public double nextGaussian() {
        double u = 1 - nextDouble();
        double v = nextDouble();
        return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
    }

    /** The first n elements of a random permutation of {0, …, size - 1}. */
    public int[] choose(int size, int n) {
        if (n < 0 || n > size) {
            throw new EngineException("Philox.choose: " + n + " of " + size);
        }
        int[] all = new int[size];
        java.util.Arrays.setAll(all, i -> i);
        for (int i = 0; i < n; i++) {
            int j = i + below(size - i);
            int t = all[i];
            all[i] = all[j];
            all[j] = t;
        }
        return java.util.Arrays.copyOf(all, n);
    }

    private int[] block(long index) {
        return block((int) index, (int) (index >>> 32), stream0, stream1, key0, key1);
    }

    /** Four random words for a counter of four words and a key of two. */
    static int[] block(int counter0, int counter1, int counter2, int counter3, int key0, int key1) {
        int c0 = counter0;
        int c1 = counter1;
        int c2 = counter2;
        int c3 = counter3;
        int k0 = key0;
        int k1 = key1;
        for (int round = 0; round < 10; round++) {
            long p0 = (c0 & 0xFFFFFFFFL) * 0xD2511F53L;
            long p1 = (c2 & 0xFFFFFFFFL) * 0xCD9E8D57L;
            int n0 = (int) (p1 >>> 32) ^ c1 ^ k0;
            int n2 = (int) (p0 >>> 32) ^ c3 ^ k1;
            c1 = (int) p1;
            c3 = (int) p0;
            c0 = n0;
            c2 = n2;
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }
        return new int[] {c0, c1, c2, c3};
    }
}
