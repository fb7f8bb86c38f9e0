package org.mouselift.models.splat;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.function.IntFunction;

/**
 * Rendered views that wait for their gradient: a rasterizer each keeps the state of a view (projected splats, depth order,
 * tile lists, transmittances), so that the backward pass need not render again. Bounded: new views drop the oldest, and
 * what does not fit at all is not kept; then the backward pass renders again (deferred back-propagation, GS-LRM
 * specification §2.6), with the same result bit by bit.
 *
 * <p>A rendering is recognised by its contents: cameras, background and every byte of the Gaussians. One instance a thread.
 */
final class KeptViews {
    /** The views of one call, front part of its cameras; the rest did not fit. The Gaussians are a copy. */
    private record Rendering(SplatRender operation, GaussianParameters gaussians, List<SplatRasterizer> views) {
        long bytes() {
            long sum = parameterBytes(gaussians);
            for (SplatRasterizer r : views) {
                sum += r.stateBytes();
            }
            return sum;
        }

        boolean is(SplatRender other, GaussianParameters g) {
            return operation.equals(other) && gaussians.count() == g.count() && gaussians.shDegree() == g.shDegree()
                && same(gaussians.means(), g.means()) && same(gaussians.logScales(), g.logScales()) && same(gaussians.quaternions(), g.quaternions())
                && same(gaussians.opacityLogits(), g.opacityLogits()) && same(gaussians.sh(), g.sh());
        }

        private static boolean same(MemorySegment a, MemorySegment b) {
            return a.mismatch(b) == -1;
        }
    }

    private final long limit;
    private final RasterScratch scratch = new RasterScratch();
    /** Renders what is not kept. */
    private final SplatRasterizer spare = new SplatRasterizer(RasterOptions.DEFAULT, scratch);
    private final Deque<Rendering> kept = new ArrayDeque<>();
    private final Deque<SplatRasterizer> idle = new ArrayDeque<>();

    /** @param limit bytes of all kept state together; 0 keeps nothing */
    KeptViews(long limit) {
        this.limit = limit;
    }

    /** The default bound: an eighth of the largest heap, at most 1 GiB. */
    static long defaultLimit() {
        return Math.min(1L << 30, Runtime.getRuntime().maxMemory() / 8);
    }

    private static long parameterBytes(GaussianParameters g) {
        return 4L * g.count() * (11 + 3L * g.coefficients());
    }

    /** Bytes of kept views and of buffers that wait to be used again. */
    long bytes() {
        long sum = 0;
        for (Rendering r : kept) {
            sum += r.bytes();
        }
        for (SplatRasterizer r : idle) {
            sum += r.stateBytes();
        }
        return sum;
    }

    /** Bytes of the buffers that all views share and of those for views that are not kept. */
    long workingBytes() {
        return scratch.bytes() + spare.stateBytes();
    }

    /** Views that wait for their gradient. */
    int views() {
        return kept.stream().mapToInt(r -> r.views.size()).sum();
    }

    /**
     * Renders all views of an operation.
     *
     * @param images one per camera
     * @param keep whether a gradient will be asked for
     */
    void render(SplatRender operation, GaussianParameters gaussians, List<SplatImage> images, boolean keep) {
        List<SplatRasterizer> views = new ArrayList<>();
        boolean fits = keep && parameterBytes(gaussians) <= limit;
        Rendering rendering = new Rendering(operation, fits ? copy(gaussians) : gaussians, views);
        for (int i = 0; i < images.size(); i++) {
            SplatRasterizer r = !fits ? spare : idle.isEmpty() ? new SplatRasterizer(RasterOptions.DEFAULT, scratch) : idle.pop();
            r.render(rendering.gaussians, operation.cameras().get(i), operation.background(), operation.scalingModifier(), images.get(i));
            if (fits) {
                fits = makeRoom(rendering.bytes() + r.stateBytes());
                if (fits) {
                    views.add(r);
                }
            }
        }
        spare.forget();
        if (!views.isEmpty()) {
            kept.add(rendering);
        }
    }

    /** Lets go of idle buffers, then of the oldest renderings, until so many bytes more fit; false if they never will. */
    private boolean makeRoom(long more) {
        if (more > limit) {
            return false;
        }
        while (bytes() + more > limit) {
            if (idle.isEmpty()) {
                kept.remove();
            } else {
                idle.removeLast();
            }
        }
        return true;
    }

    /** A copy on the heap: the memory of a tensor may be used for something else by the time of the gradient. */
    private static GaussianParameters copy(GaussianParameters g) {
        GaussianParameters copy = g.zerosLike();
        copy.means().copyFrom(g.means());
        copy.logScales().copyFrom(g.logScales());
        copy.quaternions().copyFrom(g.quaternions());
        copy.opacityLogits().copyFrom(g.opacityLogits());
        copy.sh().copyFrom(g.sh());
        return copy;
    }

    /**
     * Adds the gradients of all views, in the order of the cameras, to {@code gradients}.
     *
     * @param gradRgb dL/drgb of a view, [3,H,W]
     * @param gradAlpha dL/dalpha of a view, [H,W], or null
     */
    void backward(SplatRender operation, GaussianParameters gaussians, IntFunction<MemorySegment> gradRgb, IntFunction<MemorySegment> gradAlpha,
            GaussianParameters gradients) {
        List<SplatRasterizer> views = take(operation, gaussians);
        SplatImage again = null;
        for (int i = 0; i < operation.cameras().size(); i++) {
            SplatRasterizer r = i < views.size() ? views.get(i) : spare;
            if (r == spare) {
                again = again == null ? SplatImage.allocate(operation.width(), operation.height()) : again;
                r.render(gaussians, operation.cameras().get(i), operation.background(), operation.scalingModifier(), again);
            }
            r.backward(gradRgb.apply(i), gradAlpha.apply(i), null, gradients, null);
            r.forget();
        }
        views.forEach(idle::push);
    }

    /** The kept views of a rendering, which is no longer kept then; empty if there are none. */
    private List<SplatRasterizer> take(SplatRender operation, GaussianParameters gaussians) {
        for (Iterator<Rendering> i = kept.iterator(); i.hasNext(); ) {
            Rendering r = i.next();
            if (r.is(operation, gaussians)) {
                i.remove();
                return r.views;
            }
        }
        return List.of();
    }
}
