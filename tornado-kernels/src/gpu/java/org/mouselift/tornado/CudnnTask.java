package org.mouselift.tornado;

import java.util.Arrays;
import uk.ac.manchester.tornado.api.common.Access;
import uk.ac.manchester.tornado.api.common.LibraryTaskDescriptor;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

/**
 * cuDNN's functions as library tasks of TornadoVM, for the table of kernel speeds; see {@link CublasTask} for how such tasks work.
 * Programs do not use them:
 *
 * <ul>
 * <li>{@code cudnnConv2d} leaves the convolution's math type at its default, which on cards since the A100 permits TF32 (10 bits):
 * that is not the f32 that programs promise, and there is no argument to forbid it. Padding must be equal on all sides, too;
 * <li>{@code sdpaForward} reads and writes half floats and returns no log-sum-exp, which our gradients of attention need;
 * <li>{@code cudnnSoftmax} and its activations are bound by memory: the copies into whole arrays would cost more than the operation.
 * </ul>
 */
public final class CudnnTask {
    private static final String LIBRARY = "nvidia/cudnn";

    private CudnnTask() {}

    /** y[n,k] = cross-correlation of x[n,c,h,w] with f[k,c,r,s], the same padding on all sides. */
    public static LibraryTaskDescriptor convolution(FloatArray x, FloatArray f, FloatArray y, int n, int c, int h, int w, int k, int r, int s, int pad, int stride) {
        return task("cudnnConv2d", 2, x, f, y, n, c, h, w, k, r, s, pad, stride);
    }

    /** o = softmax(scale q k^T) v for q, o [b,h,sQ,d] and k, v [b,h,sKv,d]; d a multiple of 8 up to 256. */
    public static LibraryTaskDescriptor attention(HalfFloatArray q, HalfFloatArray k, HalfFloatArray v, HalfFloatArray o, int b, int h, int sQ, int sKv, int d, float scale) {
        return task("sdpaForward", 3, q, k, v, o, b, h, sQ, sKv, d, scale, false);
    }

    private static LibraryTaskDescriptor task(String function, int written, Object... arguments) {
        Access[] access = new Access[arguments.length];
        Arrays.fill(access, Access.READ_ONLY);
        access[written] = Access.WRITE_ONLY;
        return new LibraryTaskDescriptor().withLibrary(LIBRARY).withFunction(function).withParameters(arguments).withAccess(access);
    }
}
