package org.mouselift.models.gslrm;

import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;

/**
 * The order of pixels inside the network: views, then patches in raster order, then the p x p pixels of a patch in raster
 * order, channels fastest (GS-LRM specification §1.6, §1.12).
 */
public final class PatchOrder {
    private PatchOrder() {}

    /** Maps [B,V,C,H,W] to [B,V,H/p,W/p,p,p,C], contiguous. */
    public static Tensor fromMaps(Tensor maps, int patch) {
        if (maps.rank() != 5 || maps.dim(3) % patch != 0 || maps.dim(4) % patch != 0) {
            throw new ShapeException("patches", "images " + maps.spec() + ", expected [B,V,C,H,W] with sides divisible by the patch size " + patch);
        }
        long rows = maps.dim(3) / patch;
        long columns = maps.dim(4) / patch;
        Tensor cut = Ops.reshape(maps, maps.dim(0), maps.dim(1), maps.dim(2), rows, patch, columns, patch);
        return Ops.contiguous(Ops.permute(cut, 0, 1, 3, 5, 4, 6, 2));
    }

    /** Values [B,V*H*W,C] in patch order to maps [B,V,C,H,W]. */
    public static Tensor toMaps(Tensor values, long views, long height, long width, int patch) {
        long channels = values.dim(2);
        Tensor cut = Ops.reshape(values, values.dim(0), views, height / patch, width / patch, patch, patch, channels);
        return Ops.reshape(Ops.permute(cut, 0, 1, 6, 2, 4, 3, 5), values.dim(0), views, channels, height, width);
    }
}
