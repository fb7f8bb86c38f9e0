package org.mouselift.tornado.kernel;

import java.util.List;
import java.util.Map;
import org.mouselift.tornado.launch.AdamUpdate;
import org.mouselift.tornado.launch.AttentionGradient;
import org.mouselift.tornado.launch.Convolution;
import org.mouselift.tornado.launch.Copy;
import org.mouselift.tornado.launch.Elementwise;
import org.mouselift.tornado.launch.FlashAttention;
import org.mouselift.tornado.launch.HalfTiles;
import org.mouselift.tornado.launch.Matmul;
import org.mouselift.tornado.launch.Norm;
import org.mouselift.tornado.launch.RadixSort;
import org.mouselift.tornado.launch.Reduction;
import org.mouselift.tornado.launch.Rows;
import org.mouselift.tornado.launch.Splatting;
import org.mouselift.tornado.launch.SplattingGradient;
import org.mouselift.tornado.launch.TensorCoreAttention;
import org.mouselift.tornado.launch.TensorCoreMatmul;
import org.mouselift.tornado.launch.Upsampling;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task7;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The kernels by the names that launches use. All take the float array and the int array of the device, the ints and the floats of
 * all launches, the places of the arguments of a task graph's launches, and which of them is the kernel's own.
 */
public final class KernelCatalogue {
    /** The common form of kernels. */
    @FunctionalInterface
    public interface Kernel extends Task7<KernelContext, FloatArray, IntArray, IntArray, FloatArray, IntArray, Integer> {}

    private static final Map<String, Kernel> KERNELS = Map.ofEntries(
            Map.entry(Elementwise.KERNEL, ElementwiseKernel::elementwise),
            Map.entry(Copy.INTS, CopyKernel::copyInts),
            Map.entry(Matmul.KERNEL, MatmulKernel::matmul),
            Map.entry(HalfTiles.KERNEL, TensorCoreMatmulKernel::halfTiles),
            Map.entry(TensorCoreAttention.KERNEL, TensorCoreAttentionKernel::tensorCoreAttention),
            Map.entry(TensorCoreMatmul.KERNEL, TensorCoreMatmulKernel::tensorCoreMatmul),
            Map.entry(FlashAttention.NARROW, FlashAttentionKernel::attention64),
            Map.entry(FlashAttention.WIDE, FlashAttentionKernel::attention160),
            Map.entry(AttentionGradient.DELTA, AttentionGradientKernel::attentionDelta),
            Map.entry(AttentionGradient.QUERIES_NARROW, AttentionGradientKernel::attentionGradQueries64),
            Map.entry(AttentionGradient.QUERIES_WIDE, AttentionGradientKernel::attentionGradQueries160),
            Map.entry(AttentionGradient.KEYS_NARROW, AttentionKeysGradientKernel::attentionGradKeys64),
            Map.entry(AttentionGradient.KEYS_WIDE, AttentionKeysGradientKernel::attentionGradKeys160),
            Map.entry(AdamUpdate.MOMENTS, AdamUpdateKernel::adamMoments),
            Map.entry(AdamUpdate.STEP, AdamUpdateKernel::adamWStep),
            Map.entry(Splatting.CAMERA, SplatProjectionKernel::splatCamera),
            Map.entry(Splatting.PROJECT, SplatProjectionKernel::splatProject),
            Map.entry(Splatting.BINS, SplatTileKernel::splatBins),
            Map.entry(Splatting.COMPOSITE, SplatTileKernel::splatComposite),
            Map.entry(SplattingGradient.CLEAR, SplatTileGradientKernel::splatPairsClear),
            Map.entry(SplattingGradient.TILES, SplatTileGradientKernel::splatTileGradients),
            Map.entry(SplattingGradient.SUMS, SplatTileGradientKernel::splatPairSums),
            Map.entry(SplattingGradient.COLOUR, SplatGradientKernel::splatColourGradient),
            Map.entry(SplattingGradient.SHAPE, SplatGradientKernel::splatShapeGradient),
            Map.entry(RadixSort.SUMS, RadixSortKernel::prefixSums),
            Map.entry(RadixSort.COUNT, RadixSortKernel::radixCount),
            Map.entry(RadixSort.SCATTER, RadixSortKernel::radixScatter),
            Map.entry(Norm.LAYER, NormKernel::layerNorm),
            Map.entry(Norm.GROUP, NormKernel::groupNorm),
            Map.entry(Norm.SOFTMAX, NormKernel::softmax),
            Map.entry(Reduction.KERNEL, ReductionKernel::reduce),
            Map.entry(Rows.GATHER, RowsKernel::gatherRows),
            Map.entry(Rows.SCATTER, RowsKernel::scatterAddRows),
            Map.entry(Convolution.KERNEL, ConvolutionKernel::convolution),
            Map.entry(Upsampling.KERNEL, UpsamplingKernel::upsampleNearest),
            Map.entry(Upsampling.GRADIENT, UpsamplingKernel::upsampleNearestGrad));

    private KernelCatalogue() {}

    /** The names of all kernels, in alphabetical order. */
    public static List<String> names() {
        return KERNELS.keySet().stream().sorted().toList();
    }

    /** The kernel of a name. */
    public static Kernel of(String name) {
        Kernel k = KERNELS.get(name);
        if (k == null) {
            throw new IllegalStateException("a launch names the kernel '" + name + "', there are " + KERNELS.keySet());
        }
        return k;
    }
}
