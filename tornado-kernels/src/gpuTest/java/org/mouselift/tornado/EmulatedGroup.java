package org.mouselift.tornado;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.mouselift.tornado.plan.Grid;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * A group of work items as an NVIDIA device runs it, so that kernels for tensor cores run without one: a thread for each work item,
 * local memory that they share, barriers, and the matrix instructions of a warp with the layouts of the PTX ISA (ldmatrix,
 * mma.m16n8k16) and the addresses that TornadoVM 5.2 computes for them. Errors are what a device would not report: fragments at
 * odd addresses, and work items of a warp that do not do the same.
 */
final class EmulatedGroup {
    private static final int WARP = 32;

    /** Which group stored a fragment's element; groups of a device run in any order, also at once. */
    private final Map<Integer, String> owners;

    private final List<Object> local = new ArrayList<>();
    private final CyclicBarrier barrier;
    private final List<Warp> warps = new ArrayList<>();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    private EmulatedGroup(int size, Map<Integer, String> owners) {
        this.owners = owners;
        barrier = new CyclicBarrier(size);
        for (int w = 0; w < size / WARP; w++) {
            warps.add(new Warp());
        }
    }

    /** Runs a kernel over all groups of a grid, one group after another. */
    static void run(Grid grid, Consumer<KernelContext> kernel) {
        int groups = Math.toIntExact(grid.x() / grid.localX());
        Map<Integer, String> owners = new ConcurrentHashMap<>();
        for (int z = 0; z < grid.z(); z++) {
            for (int y = 0; y < grid.y(); y++) {
                for (int x = 0; x < groups; x++) {
                    new EmulatedGroup(grid.localX(), owners).run(grid, x, y, z, kernel);
                }
            }
        }
    }

    private void run(Grid grid, int x, int y, int z, Consumer<KernelContext> kernel) {
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < grid.localX(); t++) {
            Item item = new Item(t, x, y, z, grid);
            threads.add(Thread.ofVirtual().unstarted(() -> {
                try {
                    kernel.accept(item);
                } catch (Throwable e) {
                    failure.compareAndSet(null, e);
                    barrier.reset();
                    warps.forEach(w -> w.barrier.reset());
                }
            }));
        }
        threads.forEach(Thread::start);
        for (Thread t : threads) {
            try {
                t.join();
            } catch (InterruptedException e) {
                throw new IllegalStateException("the test was interrupted", e);
            }
        }
        if (failure.get() != null) {
            throw new AssertionError("group " + x + ", " + y + ", " + z + ": " + failure.get(), failure.get());
        }
        warps.forEach(Warp::finish);
    }

    /** Instructions that the 32 work items of a warp do together. */
    private static final class Warp {
        final CyclicBarrier barrier = new CyclicBarrier(WARP);
        private final List<Instruction> instructions = new ArrayList<>();

        /** The n-th instruction of a work item, which must be the same for all. */
        synchronized Instruction at(int n, String what) {
            if (n == instructions.size()) {
                instructions.add(new Instruction(what));
            }
            Instruction i = instructions.get(n);
            if (!i.what.equals(what)) {
                throw new IllegalStateException("instruction " + n + " of a warp is " + i.what + " for one work item and " + what + " for another");
            }
            return i;
        }

        synchronized float[] mma(Instruction i, int lane, HalfFloat[] a, HalfFloat[] b, float[] c) {
            i.a[lane] = a;
            i.b[lane] = b;
            i.c[lane] = c;
            if (++i.arrived == WARP) {
                i.multiply();
            }
            return i.d[lane];
        }

        void finish() {
            for (Instruction i : instructions) {
                if (i.arrived != WARP) {
                    throw new AssertionError(i.what + " was done by " + i.arrived + " work items of a warp");
                }
            }
        }
    }

    private static final class Instruction {
        final String what;
        final HalfFloat[][] a = new HalfFloat[WARP][];
        final HalfFloat[][] b = new HalfFloat[WARP][];
        final float[][] c = new float[WARP][];
        final float[][] d = new float[WARP][4];
        int arrived;

        Instruction(String what) {
            this.what = what;
        }

        /** D = A B + C, from and to the registers of the lanes (PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type"). */
        void multiply() {
            double[][] left = new double[16][16];
            double[][] right = new double[16][8];
            for (int lane = 0; lane < WARP; lane++) {
                int g = lane / 4;
                int t = lane % 4;
                for (int i = 0; i < 8; i++) {
                    int row = i % 4 < 2 ? g : g + 8;
                    int column = 2 * t + (i & 1) + (i < 4 ? 0 : 8);
                    left[row][column] = a[lane][i].getFloat32();
                }
                for (int i = 0; i < 4; i++) {
                    right[2 * t + (i & 1) + (i < 2 ? 0 : 8)][g] = b[lane][i].getFloat32();
                }
            }
            for (int lane = 0; lane < WARP; lane++) {
                for (int i = 0; i < 4; i++) {
                    int row = lane / 4 + (i < 2 ? 0 : 8);
                    int column = 2 * (lane % 4) + (i & 1);
                    double sum = c[lane][i];
                    for (int k = 0; k < 16; k++) {
                        sum += left[row][k] * right[k][column];
                    }
                    d[lane][i] = (float) sum;
                }
            }
        }
    }

    /** What a work item sees. */
    private final class Item extends KernelContext {
        private final int lane;
        private final Warp warp;
        private int arrays;
        private int instructions;

        Item(int local, int x, int y, int z, Grid grid) {
            lane = local % WARP;
            warp = warps.isEmpty() ? null : warps.get(local / WARP);
            set("localIdx", local);
            set("groupIdx", x);
            set("groupIdy", y);
            set("groupIdz", z);
            set("globalIdx", x * grid.localX() + local);
            set("globalIdy", y);
            set("globalIdz", z);
            set("localGroupSizeX", grid.localX());
            set("globalGroupSizeX", Math.toIntExact(grid.x()));
        }

        /** The fields are final and set by nobody: device compilers replace their reads. */
        private void set(String name, int value) {
            try {
                Field f = KernelContext.class.getField(name);
                f.setAccessible(true);
                f.set(this, value);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("KernelContext." + name + " cannot be set", e);
            }
        }

        @Override
        public void localBarrier() {
            await(barrier);
        }

        private void await(CyclicBarrier b) {
            try {
                b.await();
            } catch (InterruptedException | BrokenBarrierException e) {
                throw new IllegalStateException("another work item failed", e);
            }
        }

        private <T> T shared(T fresh) {
            synchronized (local) {
                int n = arrays++;
                if (n == local.size()) {
                    local.add(fresh);
                }
                @SuppressWarnings("unchecked")
                T array = (T) local.get(n);
                return array;
            }
        }

        @Override
        public int[] allocateIntLocalArray(int size) {
            int[] fresh = new int[size];
            java.util.Arrays.fill(fresh, 0x7E007E00);
            return shared(fresh);
        }

        @Override
        public float[] allocateFloatLocalArray(int size) {
            float[] fresh = new float[size];
            java.util.Arrays.fill(fresh, Float.NaN);
            return shared(fresh);
        }

        @Override
        public HalfFloat[] mmaLoadA(int[] tile, int depth, int byteOffset) {
            together("ldmatrix A at " + byteOffset + " of " + System.identityHashCode(tile) + " " + depth);
            HalfFloat[] out = new HalfFloat[8];
            for (int matrix = 0; matrix < 4; matrix++) {
                for (int e = 0; e < 2; e++) {
                    int source = 8 * matrix + lane / 4;
                    int group = source / 8;
                    int row = (group & 1) * 8 + source % 8;
                    out[2 * matrix + e] = half(tile, byteOffset + row * 32 + (group / 2) * 16, 2 * (lane % 4) + e);
                }
            }
            return out;
        }

        @Override
        public HalfFloat[] mmaLoadB(int[] tile, int depth, int byteOffset) {
            together("ldmatrix B at " + byteOffset + " of " + System.identityHashCode(tile) + " " + depth);
            HalfFloat[] out = new HalfFloat[4];
            for (int matrix = 0; matrix < 2; matrix++) {
                for (int e = 0; e < 2; e++) {
                    // Transposed: a register pair comes from two rows.
                    int source = 8 * matrix + 2 * (lane % 4) + e;
                    out[2 * matrix + e] = half(tile, byteOffset + source % 8 * 16 + (source / 8 & 1) * 128, lane / 4);
                }
            }
            return out;
        }

        /** Half i of the row of 16 bytes at an address. */
        private HalfFloat half(int[] tile, int address, int i) {
            if (address % 16 != 0) {
                throw new IllegalStateException("ldmatrix at address " + address + ", which is no multiple of 16");
            }
            int at = address + 2 * i;
            return new HalfFloat((short) (tile[at / 4] >>> (at % 4 * 8)));
        }

        @Override
        public float[] mmaFragment(float v) {
            return new float[] {v, v, v, v};
        }

        @Override
        public float[] mma(HalfFloat[] a, HalfFloat[] b, float[] c, MMAShape shape) {
            if (shape != MMAShape.M16N8K16) {
                throw new IllegalStateException("shape " + shape);
            }
            return warp.mma(warp.at(instructions++, "mma"), lane, a, b, c);
        }

        private void together(String what) {
            Instruction i = warp.at(instructions++, what);
            synchronized (warp) {
                i.arrived++;
            }
        }

        @Override
        public void mmaStore(float[] d, FloatArray target, int row, int column, int step) {
            together("store at " + row + ", " + column + ", " + step);
            // The sums are there once all lanes have brought their factors.
            await(warp.barrier);
            for (int i = 0; i < 4; i++) {
                int place = (row + lane / 4 + (i < 2 ? 0 : 8)) * step + column + 2 * (lane % 4) + (i & 1);
                String own = groupIdx + ", " + groupIdy + ", " + groupIdz;
                if (!own.equals(owners.computeIfAbsent(place, p -> own))) {
                    throw new IllegalStateException("element " + place + " is stored by group " + own + " and by group " + owners.get(place));
                }
                target.set(place, d[i]);
            }
        }
    }
}
